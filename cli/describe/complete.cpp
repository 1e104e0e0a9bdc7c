// Completion walks the words up to the cursor through the tree as the parser would, but without its checks: the line is
// incomplete by definition.
#include "cli/describe/complete.hpp"

#include "cli/describe/page.hpp"
#include "cli/describe/position.hpp"
#include "tensor/formats.hpp"

#include <algorithm>
#include <filesystem>

namespace modelctl::cli {
namespace fs = std::filesystem;
namespace {

// The positional argument at an index; one that takes several words covers several indices.
const CLI::Option* positional(const CLI::App& app, std::size_t index) {
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    std::size_t takes = static_cast<std::size_t>(std::max(1, option->get_items_expected_max()));
    if (index < takes) return option;
    index -= takes;
  }
  return nullptr;
}

std::vector<std::string_view> tensor_endings() {
  std::vector<std::string_view> endings;
  for (const formats::Format* format : formats::formats()) endings.push_back(format->extension);
  return endings;
}

// A file of labels may also have one in each line.
std::vector<std::string_view> label_endings() {
  std::vector<std::string_view> endings = tensor_endings();
  endings.push_back(".txt");
  return endings;
}

// The endings of the names of a kind of files; empty for any file.
std::vector<std::string_view> endings_of(Completes kind) {
  switch (kind) {
    case Completes::model: return {".onnx"};
    case Completes::any_model: return {".artifact", ".onnx", ".tar"};
    case Completes::artifact: return {".artifact"};
    case Completes::package: return {".tar"};
    case Completes::tensors: return tensor_endings();
    case Completes::labels: return label_endings();
    case Completes::private_key: return {".key"};
    case Completes::public_key: return {".pub"};
    case Completes::certificates: return {".pem", ".crt"};
    default: return {};
  }
}

// The entries of the folder that `typed` refers to: folders, and the files of the kind. Hidden entries are included
// only if a dot was typed, as shells do.
void add_files(const std::string& typed, Completes kind, std::vector<Candidate>& found) {
  std::size_t slash = typed.rfind('/');
  std::string lead = slash == std::string::npos ? "" : typed.substr(0, slash + 1);
  std::string begin = typed.substr(lead.size());
  auto endings = endings_of(kind);
  std::vector<Candidate> folders, files, others;
  std::error_code code;
  for (fs::directory_iterator entry(lead.empty() ? "." : lead, code), end; !code && entry != end;
       entry.increment(code)) {
    std::string name = entry->path().filename().string();
    bool hidden = name[0] == '.' && begin.empty();
    if (name.rfind(begin, 0) != 0 || hidden) continue;
    bool folder = entry->is_directory(code);
    code.clear();
    bool matches =
        std::any_of(endings.begin(), endings.end(), [&](std::string_view end) { return name.ends_with(end); });
    (folder ? folders : matches ? files : others).push_back({lead + name + (folder ? "/" : ""), ""});
  }
  found.insert(found.end(), folders.begin(), folders.end());
  if (kind == Completes::folder) return;
  // The path of a key is never the name of something else.
  if (files.empty() && kind != Completes::private_key) files = std::move(others);
  found.insert(found.end(), files.begin(), files.end());
}

void add_matching(const std::vector<Candidate>& all, const std::string& typed, std::vector<Candidate>& found) {
  std::copy_if(all.begin(), all.end(), std::back_inserter(found),
               [&](const Candidate& candidate) { return candidate.text.rfind(typed, 0) == 0; });
}

void add_commands(const CLI::App& app, const std::string& typed, std::vector<Candidate>& found) {
  for (const CLI::App* command : visible_commands(app)) {
    add_matching({{command->get_name(), command->get_description()}}, typed, found);
  }
}

// The command that the last `count` of the words before the cursor name, as "key" in `help key`.
const CLI::App* command_named(const CLI::App& root, const std::vector<std::string>& words, std::size_t count) {
  const CLI::App* at = &root;
  for (std::size_t i = words.size() - std::min(words.size(), count + 1); i + 1 < words.size(); ++i) {
    for (const CLI::App* below : visible_commands(*at)) {
      if (below->get_name() != words[i]) continue;
      at = below;
      break;
    }
  }
  return at;
}

// The values that CLI11 checks an option against. It has no accessor for them except the type name, "{text,json}".
std::vector<Candidate> checked_values(const CLI::Option& option) {
  std::string type = option.get_type_name();
  std::size_t open = type.find('{'), close = type.find('}');
  std::vector<Candidate> values;
  if (open == std::string::npos || close == std::string::npos) return values;
  for (std::size_t at = open + 1; at < close;) {
    std::size_t end = std::min(type.find(',', at), close);
    values.push_back({type.substr(at, end - at), ""});
    at = end + 1;
  }
  return values;
}

// Candidates for the value of an option: its fixed choices, and what the command declared for it. `at` is the command
// whose commands are meant, for an argument that names one.
void add_values(const CommandTree& tree, const CLI::Option& option, const std::string& typed,
                const CandidateSources& sources, std::vector<Candidate>& found, const CLI::App* at) {
  add_matching(checked_values(option), typed, found);
  for (const Completion& completion : tree.completions) {
    if (completion.option != &option) continue;
    std::vector<Candidate> values;
    for (const std::string& value : completion.values) values.push_back({value, ""});
    add_matching(values, typed, found);
    switch (completion.with) {
      case Completes::nothing: break;
      case Completes::reference:
        if (sources.references) add_matching(sources.references(), typed, found);
        break;
      case Completes::registry:
        if (sources.registries) add_matching(sources.registries(), typed, found);
        break;
      case Completes::operators:
        if (sources.operators) add_matching(sources.operators(), typed, found);
        break;
      case Completes::command: add_commands(*at, typed, found); break;
      default: {
        // "image=samples/o": an input's name precedes the file.
        std::size_t equals = typed.find('=') + 1;
        std::vector<Candidate> files;
        add_files(typed.substr(equals), completion.with, files);
        for (Candidate& file : files) found.push_back({typed.substr(0, equals) + file.text, ""});
        break;
      }
    }
  }
}

// Options of the command and of the enclosing ones. Hidden options are not offered.
void add_options(const CLI::App* app, const std::string& typed, std::vector<Candidate>& found) {
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_positional() || option->get_group().empty()) continue;
      for (const std::string& name : option->get_lnames()) {
        bool known = std::any_of(found.begin(), found.end(), [&](const Candidate& c) { return c.text == "--" + name; });
        if (!known) add_matching({{"--" + name, option->get_description()}}, typed, found);
      }
    }
  }
}

}  // namespace

std::vector<Candidate> complete(const CommandTree& tree, const std::vector<std::string>& words,
                                const CandidateSources& sources) {
  std::vector<Candidate> found;
  std::string typed = words.empty() ? "" : words.back();
  Position at = locate(tree, std::span(words).first(words.empty() ? 0 : words.size() - 1));
  std::size_t equals = typed.find('=');
  if (at.wants != nullptr) {
    add_values(tree, *at.wants, typed, sources, found, &tree.root);
  } else if (typed.rfind("--", 0) == 0 && equals != std::string::npos && !at.only_positionals) {
    const CLI::Option* option = find_option(at.app, typed.substr(0, equals));
    if (option != nullptr) add_values(tree, *option, typed.substr(equals + 1), sources, found, &tree.root);
    for (Candidate& candidate : found) candidate.text = typed.substr(0, equals + 1) + candidate.text;
  } else if (!typed.empty() && typed[0] == '-' && !at.only_positionals) {
    add_options(at.app, typed, found);
  } else {
    if (at.positionals == 0) add_commands(*at.app, typed, found);
    const CLI::Option* argument = positional(*at.app, at.positionals);
    const CLI::App* named = command_named(tree.root, words, at.positionals);
    if (argument != nullptr) add_values(tree, *argument, typed, sources, found, named);
  }
  std::stable_sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) { return a.text < b.text; });
  return found;
}

}  // namespace modelctl::cli
