// The words are replaced before the line is parsed, so that the parser, help and completion know one meaning only.
#include "cli/former_output.hpp"

#include "cli/describe/position.hpp"
#include "cli/former_option.hpp"

#include <algorithm>

namespace modelctl::cli {
namespace {

constexpr std::string_view option = "--output";

}  // namespace

std::optional<Error> replace_former_output(const CommandTree& tree, std::vector<std::string>& arguments) {
  std::optional<Error> warning;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    bool joined = arguments[i].starts_with(std::string(option) + "=");
    if (!joined && (arguments[i] != option || i + 1 == arguments.size())) continue;
    std::string value = joined ? arguments[i].substr(option.size() + 1) : arguments[i + 1];
    if (std::find(output_formats.begin(), output_formats.end(), value) != output_formats.end()) continue;
    Position at = locate(tree, std::span(arguments).first(i));
    if (at.wants != nullptr || at.only_positionals || tree.output_was_file.count(at.app) == 0) continue;
    arguments[i] = "-o";
    if (joined) arguments.insert(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, value);
    warning = former_output(value);
  }
  return warning;
}

}  // namespace modelctl::cli
