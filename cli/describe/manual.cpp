// The documents are embedded at build time, so that `docs` can write the pages without the source tree.
#include "cli/describe/manual.hpp"

#include "base/embedded.hpp"
#include "cli/describe/troff.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <span>

namespace modelctl {
std::span<const EmbeddedFile> manual_files();
}

namespace modelctl::cli {
namespace {

constexpr std::string_view begin = "<!-- man page ", end = " -->";

// The line has been matched by CMake, which chose the documents.
Manual parse(const EmbeddedFile& file) {
  std::string_view text = file.text(), line = text.substr(begin.size(), text.find('\n') - begin.size() - end.size());
  std::size_t section = line.find('('), summary = line.find(": ");
  return {file.path.substr(file.path.rfind('/') + 1), line.substr(0, section), line[section + 1],
          line.substr(summary + 2), text};
}

}  // namespace

const std::vector<Manual>& manuals() {
  static const std::vector<Manual> all = [] {
    std::vector<Manual> list;
    for (const EmbeddedFile& file : manual_files()) list.push_back(parse(file));
    return list;
  }();
  return all;
}

const Manual* manual_of(std::string_view file) {
  auto found = std::find_if(manuals().begin(), manuals().end(), [&](const Manual& each) { return each.file == file; });
  return found == manuals().end() ? nullptr : &*found;
}

std::string as_man(const Manual& manual) {
  return fmt::format(".TH \"{0}\" {1} \"\" \"modelctl {2}\"\n.SH NAME\n{0} \\- {3}\n.SH DESCRIPTION\n{4}",
                     troff_text(manual.name), manual.section, MODELCTL_VERSION, troff_text(manual.summary),
                     troff_of(manual.markdown));
}

}  // namespace modelctl::cli
