// The texts are those of templates/model.
#include "actions/placeholders.hpp"

#include "base/files.hpp"
#include "tensor/utf8.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

namespace modelctl::actions {
namespace {

constexpr std::size_t most_lines = 20;

// The word alone, in capital letters.
bool has_todo(std::string_view line) {
  auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  for (std::size_t at = line.find("TODO"); at != line.npos; at = line.find("TODO", at + 1)) {
    bool begins = at == 0 || !is_letter(line[at - 1]), ends = at + 4 == line.size() || !is_letter(line[at + 4]);
    if (begins && ends) return true;
  }
  return false;
}

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

Error placeholder(std::string what) { return Error(Kind::bad_input, "placeholder", std::move(what)); }

// Nothing if there is none.
std::optional<Error> in_document(const std::filesystem::path& file) {
  constexpr std::size_t most_bytes = 80;
  auto text = read_text_file(file);
  if (!text || !is_utf8(*text)) return std::nullopt;
  Error warning = placeholder(fmt::format("'{}' is packed with placeholders", file.string()));
  std::size_t number = 0, found = 0;
  for (std::size_t at = 0; at < text->size();) {
    std::size_t end = std::min(text->find('\n', at), text->size());
    std::string_view line = std::string_view(*text).substr(at, end - at);
    at = end + 1;
    ++number;
    if (!has_todo(line) || ++found > most_lines) continue;
    line.remove_prefix(std::min(line.find_first_not_of(" \t#"), line.size()));
    std::string shown(line.substr(0, line.find_last_not_of(" \r") + 1));
    if (shown.size() > most_bytes) {
      std::size_t cut = most_bytes;
      while (is_continuation(shown[cut])) --cut;
      shown = shown.substr(0, cut) + "…";
    }
    warning.why.push_back(fmt::format("line {}: {}", number, shown));
  }
  if (found == 0) return std::nullopt;
  if (found > most_lines) warning.why.push_back(fmt::format("and {} more lines", found - most_lines));
  return std::move(warning).help("write what belongs there: who gets the package reads it");
}

}  // namespace

std::vector<Error> placeholders_in(const PackRequest& request) {
  std::vector<Error> warnings;
  for (const PackRequest::File& file : request.files) {
    if (file.role != package::Role::document) continue;
    if (auto warning = in_document(file.path)) warnings.push_back(std::move(*warning));
  }
  Error settings = placeholder("the package has settings as 'modelctl init' wrote them");
  if (has_todo(request.description)) settings.why.push_back("package.description is a placeholder");
  for (const package::Quality& quality : request.quality) {
    if (quality.data_set == "what it was measured on")
      settings.why.push_back(fmt::format("the data set of the quality '{}' is a placeholder", quality.metric));
  }
  for (const PackRequest::Sample& sample : request.samples) {
    if (sample.name == "placeholder")
      settings.why.push_back("the sample 'placeholder' has no meaning: its inputs were filled in");
  }
  // On its own, this may be what the user means.
  if (request.license.empty() && !(warnings.empty() && settings.why.empty()))
    settings.why.push_back("package.license is not set");
  if (!settings.why.empty()) warnings.push_back(std::move(settings).help("write what belongs there in modelctl.yaml"));
  return warnings;
}

}  // namespace modelctl::actions
