// The grammars of names: entry paths, package names, versions.
#include "package/manifest.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::package {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// What is wrong with one part of a path, or nothing.
std::string_view fault_of_part(std::string_view part) {
  if (part.empty()) return "it has an empty part";
  if (part == ".") return "it has a '.' part";
  if (part == "..") return "it leaves its folder through '..'";
  if (part.back() == '.' || part.back() == ' ') return "a part ends in a dot or a space, which Windows drops";
  // "nul.txt" opens the null device on Windows as "nul" does.
  std::string stem = lower_case(part.substr(0, part.find('.')));
  while (!stem.empty() && stem.back() == ' ') stem.pop_back();
  if (stem == "con" || stem == "prn" || stem == "aux" || stem == "nul") return "a part is a device's name on Windows";
  bool numbered = stem.size() == 4 && (stem.starts_with("com") || stem.starts_with("lpt")) && is_digit(stem[3]);
  if (numbered) return "a part is a device's name on Windows";
  return {};
}

// Unpacking joins these paths to a folder, so what could lead out of it ("zip slip") is refused before anything else
// looks at it; so is what another system would change silently, since the file would then not be the one that was
// signed.
std::string_view fault_of_path(std::string_view path) {
  if (path.empty()) return "it is empty";
  if (path.size() > path_limit) return "it is longer than 1024 bytes";
  for (char c : path) {
    if (c == '\0') return "it holds a NUL byte";
    if (c == '\\') return "it holds a backslash";
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "it holds a control character";
    if (static_cast<unsigned char>(c) > 0x7f) return "it holds a character that is not ASCII";
    if (std::string_view(":*?\"<>|").find(c) != std::string_view::npos) {
      return "it holds one of : * ? \" < > | which Windows does not allow";
    }
  }
  if (path.front() == '/') return "it is absolute";
  while (true) {
    std::size_t slash = path.find('/');
    if (std::string_view fault = fault_of_part(path.substr(0, slash)); !fault.empty()) return fault;
    if (slash == std::string_view::npos) return {};
    path.remove_prefix(slash + 1);
  }
}

// A path as it may be shown: control characters must not reach a terminal.
std::string shown(std::string_view path) {
  std::string text;
  for (char c : path.substr(0, 100)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else text += c;
  }
  return path.size() > 100 ? text + "…" : text;
}

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_name_part(std::string_view part) {
  auto plain = [](char c) { return is_lower(c) || is_digit(c); };
  if (part.empty() || !plain(part.front()) || !plain(part.back())) return false;
  for (std::size_t i = 0; i < part.size();) {
    if (plain(part[i])) {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (!plain(part[end])) ++end;  // ends: the last character is plain
    std::string_view separator = part.substr(i, end - i);
    bool dashes = separator.find_first_not_of('-') == std::string_view::npos;
    if (separator != "." && separator != "_" && separator != "__" && !dashes) return false;
    i = end;
  }
  return true;
}

}  // namespace

Result<void> check_path(std::string_view path) {
  std::string_view fault = fault_of_path(path);
  if (fault.empty()) return {};
  return Error(Kind::bad_input, "bad-entry-path", fmt::format("cannot have an entry '{}' in a package", shown(path)))
      .because(std::string(fault));
}

// 200 bytes and not 255: registries and clients limit host, port and name together (OCI distribution specification 1.1,
// "Pulling manifests").
Result<void> check_name(std::string_view name) {
  bool good = name.size() <= 200;
  for (std::string_view rest = name; good;) {
    std::size_t slash = rest.find('/');
    good = is_name_part(rest.substr(0, slash));
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  if (good) return {};
  return Error(Kind::bad_input, "bad-package-name", fmt::format("cannot call a package '{}'", shown(name)))
      .because("registries allow lower-case letters and digits, joined by '.', '_', '-' or '/', up to 200 characters");
}

// The grammar of an OCI tag, so that every version can be a tag: [a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}.
Result<void> check_version(std::string_view version) {
  auto plain = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  bool good = !version.empty() && version.size() <= 128 && plain(version.front()) &&
              std::all_of(version.begin(), version.end(), [&](char c) { return plain(c) || c == '.' || c == '-'; });
  if (good) return {};
  return Error(Kind::bad_input, "bad-package-version",
               fmt::format("cannot give a package the version '{}'", shown(version)))
      .because(
          "registries allow letters, digits, '_', '.' and '-', up to 128 characters, a letter, digit or '_' first");
}

}  // namespace modelctl::package
