// docs: the hidden command that writes the generated part of docs/reference, or the man pages.
#include "base/files.hpp"
#include "cli/app.hpp"
#include "cli/describe/manual.hpp"
#include "cli/describe/page.hpp"
#include "cli/describe/reference.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::cli {
namespace {

struct Request {
  std::string format = "markdown";
  std::string folder;
};

// Groups have pages, too; hidden commands, this one among them, have none. The names follow the customs of the place:
// "man1/modelctl-key-show.1" for man, "key-show.md" in a folder of commands.
Result<void> write_pages(const CLI::App& app, const Request& request) {
  Page page = page_of(app);
  bool man = request.format == "man";
  std::string name = page.name;
  std::replace(name.begin(), name.end(), ' ', '-');
  // Markdown pages are in a folder of their own and do not repeat the program's name.
  if (!man && app.get_parent() != nullptr) name.erase(0, name.find('-') + 1);
  auto file = std::filesystem::path(request.folder) / (man ? "man1/" + name + ".1" : "commands/" + name + ".md");
  TRY(write_file(file, as_bytes(man ? as_man(page) : as_markdown(page))));
  for (const CLI::App* below : visible_commands(app)) TRY(write_pages(*below, request));
  return {};
}

// "man5/modelctl.yaml.5"
Result<void> write_manuals(const std::filesystem::path& folder) {
  for (const Manual& manual : manuals()) {
    std::filesystem::path section = folder / fmt::format("man{}", manual.section);
    TRY(make_folder(section));
    TRY(write_file(section / fmt::format("{}.{}", manual.name, manual.section), as_bytes(as_man(manual))));
  }
  return {};
}

Run bind(Binder& binder) {
  auto request = std::make_shared<Request>();
  binder.app.add_option("--format", request->format, "Format of the pages")->check(CLI::IsMember({"man", "markdown"}));
  binder.complete(binder.app.add_option("--dir", request->folder, "Folder to write to"), Completes::folder)
      ->type_name("FOLDER")
      ->required();
  return [request](CommandContext&) -> Result<int> {
    bool man = request->format == "man";
    std::filesystem::path folder = request->folder;
    TRY(make_folder(folder / (man ? "man1" : "commands")));
    if (man) {
      TRY(write_manuals(folder));
    } else {
      TRY(write_file(folder / "exit-codes.md", as_bytes(exit_codes_markdown())));
      TRY(write_file(folder / "serve-settings.md", as_bytes(serve_settings_markdown())));
      TRY(write_file(folder / "serve-settings.schema.json", as_bytes(serve_settings_schema())));
      TRY(write_file(folder / "inputs-and-outputs.md", as_bytes(processing_markdown())));
      TRY(write_file(folder / "inputs-and-outputs.schema.json", as_bytes(processing_schema())));
      TRY(write_file(folder / "operators.md", as_bytes(operators_markdown())));
      TRY(write_file(folder / "file-kinds.md", as_bytes(file_kinds_markdown())));
    }
    // A tree of its own: what runs here has only its own part of the program's.
    auto tree = command_tree();
    TRY(write_pages(tree->root, *request));
    return 0;
  };
}

constexpr CommandDef defs[] = {{"docs", "", bind}};

}  // namespace
std::span<const CommandDef> docs_command() { return defs; }
}  // namespace modelctl::cli
