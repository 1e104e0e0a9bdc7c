// Reads the list that templates/release/pack writes, and orders versions.
#include "package/release.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::package {
namespace {

constexpr std::string_view program_prefix = "modelctl-", program_part = "-linux-", program_suffix = ".tar.gz";

// "1.2.0" of "modelctl-1.2.0-linux-x86_64.tar.gz"; empty for a file that is not the tarball of a program.
std::string_view version_in(std::string_view name) {
  if (!name.starts_with(program_prefix) || !name.ends_with(program_suffix)) return {};
  name.remove_prefix(program_prefix.size());
  std::size_t end = name.rfind(program_part);
  return end == std::string_view::npos ? std::string_view() : name.substr(0, end);
}

Error bad_list(std::string reason) {
  return Error(Kind::bad_input, "bad-release", "cannot use the release: its list of files is malformed")
      .at(std::string(release_subject.path))
      .because(std::move(reason));
}

bool is_number(std::string_view field) {
  return !field.empty() && std::ranges::all_of(field, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("._+-").find(c) != std::string_view::npos;
}

// The text before the first `separator`, which is cut off `text` together with it.
std::string_view take_field(std::string_view& text, char separator) {
  std::size_t end = std::min(text.find(separator), text.size());
  std::string_view field = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return field;
}

int compare_fields(std::string_view a, std::string_view b) {
  bool numbers = is_number(a) && is_number(b);
  if (is_number(a) != is_number(b)) return is_number(a) ? -1 : 1;  // a number is older than a word
  if (numbers) {
    a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
    b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
    if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  }
  return a.compare(b);
}

// Fields separated by dots; of two lists of which one begins with the other, the longer one is newer.
int compare_lists(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (int order = compare_fields(take_field(a, '.'), take_field(b, '.')); order != 0) return order;
  }
  return static_cast<int>(!a.empty()) - static_cast<int>(!b.empty());
}

}  // namespace

Result<Release> Release::read(std::string_view list) {
  constexpr std::size_t digits = 64;
  if (list.size() > release_list_limit) return bad_list(fmt::format("it has more than {} bytes", release_list_limit));
  if (!list.ends_with('\n')) return bad_list("its last line has no end");
  Release release;
  for (std::size_t number = 1; !list.empty(); ++number) {
    std::string_view line = take_field(list, '\n');
    auto digest = Digest::parse_hex(line.substr(0, digits));
    if (!digest || line.size() <= digits + 2 || line.substr(digits, 2) != "  ") {
      return bad_list(fmt::format("line {} is not a digest, two spaces and a file name", number));
    }
    std::string name(line.substr(digits + 2));
    if (!std::ranges::all_of(name, is_plain)) {
      return bad_list(fmt::format("line {}: a name has letters, digits and the characters . _ + - only", number));
    }
    if (release.find(name)) return bad_list(fmt::format("line {} names a file for the second time", number));
    if (std::string_view version = version_in(name); !version.empty()) {
      if (release.version.empty()) release.version = version;
      if (release.version != version) return bad_list(fmt::format("line {} is of another version", number));
    }
    release.files.push_back({std::move(name), *digest});
  }
  if (release.version.empty()) return bad_list("it has no file with a name such as modelctl-1.2.0-linux-x86_64.tar.gz");
  return release;
}

const ReleaseFile* Release::find(std::string_view name) const {
  auto found = std::ranges::find(files, name, &ReleaseFile::name);
  return found == files.end() ? nullptr : &*found;
}

int compare_versions(std::string_view a, std::string_view b) {
  // Build metadata, after '+', does not count. What follows the first '-' says how far from the release it is.
  std::string_view pre_a = take_field(a, '+'), pre_b = take_field(b, '+');
  std::string_view core_a = take_field(pre_a, '-'), core_b = take_field(pre_b, '-');
  if (int order = compare_lists(core_a, core_b); order != 0) return order;
  if (pre_a.empty() || pre_b.empty()) return static_cast<int>(pre_a.empty()) - static_cast<int>(pre_b.empty());
  return compare_lists(pre_a, pre_b);
}

}  // namespace modelctl::package
