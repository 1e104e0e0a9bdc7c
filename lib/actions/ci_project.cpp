// A folder of templates/ci is a service. What a pipeline does is the same for all of them: the scripts of
// templates/ci/steps, which its files name as @install@ and so on. So each service's files are complete, and can be
// copied to another repository.
#include "actions/ci_project.hpp"

#include "actions/template_text.hpp"
#include "base/embedded.hpp"
#include "base/suggest.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl {
std::span<const EmbeddedFile> ci_templates();
std::span<const EmbeddedFile> ci_steps();
}  // namespace modelctl

namespace modelctl::actions {
namespace {

// "install.sh" -> its text, without the last line feed: the placeholder's own line has one.
TemplateValues steps() {
  TemplateValues values;
  for (const EmbeddedFile& file : ci_steps()) {
    std::string_view text = file.text();
    values.emplace(file.path.substr(0, file.path.find('.')), text.substr(0, text.find_last_not_of('\n') + 1));
  }
  return values;
}

}  // namespace

std::vector<std::string> ci_services() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : ci_templates()) names.emplace_back(file.path.substr(0, file.path.find('/')));
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Result<std::vector<NewFile>> ci_files(const std::string& service) {
  const TemplateValues values = steps();
  std::vector<NewFile> files;
  for (const EmbeddedFile& file : ci_templates()) {
    if (file.path.starts_with(service + "/"))
      files.push_back({std::string(file.path.substr(service.size() + 1)), fill(file.text(), values)});
  }
  if (!files.empty()) return files;
  const std::vector<std::string> names = ci_services();
  std::string meant = nearest(service, names);
  return Error(Kind::not_found, "no-such-service", fmt::format("cannot write a pipeline for '{}'", service))
      .help(meant.empty() ? fmt::format("the services are: {}", fmt::join(names, ", "))
                          : fmt::format("did you mean '{}'?", meant));
}

}  // namespace modelctl::actions
