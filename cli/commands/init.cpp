// init: creates a project for a model, or from an embedded example.
#include "actions/init.hpp"

#include "actions/ci_project.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"

#include <fmt/core.h>

namespace modelctl::cli {
namespace {

struct Flags {
  actions::InitRequest request;
  std::string first, second;  // MODEL and FOLDER
  bool list = false;
};

// A result of its own and not help: the examples are data of this build, which scripts may want to read.
int print_examples(Printer& printer) {
  if (printer.format() == Printer::Format::json) {
    Json list = Json::array();
    for (const auto& example : actions::examples()) {
      list.push_back({{"name", example.name}, {"description", example.description}});
    }
    printer.json(canonical_json({{"examples", list}}));
    return 0;
  }
  Table table{{"example", "what it is"}, {}};
  for (const auto& example : actions::examples()) table.rows.push_back({example.name, example.description});
  printer.table(table);
  return 0;
}

void print(const actions::InitReport& report, Printer& printer) {
  if (printer.format() == Printer::Format::json) {
    Json files = Json::array();
    for (const auto& file : report.files) files.push_back({{"path", file.path}, {"size", file.size}});
    printer.json(canonical_json({{"folder", report.folder.string()}, {"files", files}, {"next", report.next}}));
    return;
  }
  Table table{{"", ""}, {}};
  for (const auto& file : report.files) table.rows.push_back({"  " + file.path, human_bytes(file.size)});
  printer.line(fmt::format("created '{}':", report.folder.string()));
  printer.table(table);
  if (report.next.empty()) return;
  printer.line("next:");
  for (const std::string& command : report.next) printer.line("  " + command);
}

Run bind(Binder& binder) {
  auto flags = std::make_shared<Flags>();
  // The names are suggestions for completion only: the action judges, with a better message for a typing error.
  std::vector<std::string> names;
  for (const auto& example : actions::examples()) names.push_back(example.name);
  binder.choice(binder.app.add_option("--example", flags->request.example, "Example to start from"), names)
      ->type_name("NAME");
  binder.app.add_flag("--list", flags->list, "List the examples and create nothing");
  binder.app.add_flag("--link", flags->request.link, "Refer to the model where it is, and do not copy it");
  binder
      .choice(binder.app.add_option("--ci", flags->request.ci,
                                    "Service that runs the pipeline; alone, adds its files to the current folder"),
              actions::ci_services())
      ->type_name("SERVICE");
  binder
      .complete(binder.app.add_option("MODEL", flags->first, "ONNX model to start from; not with --example"),
                Completes::model)
      ->type_name("MODEL");
  binder
      .complete(binder.app.add_option("FOLDER", flags->second,
                                      "Folder for the project; by default a new one of the model's or example's name"),
                Completes::folder)
      ->type_name("FOLDER");
  return [flags](CommandContext& context) -> Result<int> {
    // Before everything else, so that --list needs no other option and never creates anything.
    if (flags->list) return print_examples(context.printer);
    actions::InitRequest& request = flags->request;
    // An example has its model: the only argument is then the folder.
    bool folder_alone = !request.example.empty() && flags->second.empty();
    request.model = folder_alone ? "" : flags->first;
    request.folder = folder_alone ? flags->first : flags->second;
    print(TRY(actions::init(request, context.host)), context.printer);
    return 0;
  };
}

constexpr CommandDef defs[] = {{"init", "Start a project for a model, or from an example", bind}};

}  // namespace
std::span<const CommandDef> init_command() { return defs; }
}  // namespace modelctl::cli
