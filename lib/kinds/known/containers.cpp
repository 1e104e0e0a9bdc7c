// Archives, compressed files, documents and text: what is in them counts, if anything does.
#include "kinds/file_kind.hpp"

#include <algorithm>

namespace modelctl::kinds {
namespace {

bool is_zip(const Evidence& file) { return file.starts(std::string_view("PK\3\4", 4)); }
bool is_tar(const Evidence& file) { return file.at(257, "ustar"); }
bool is_gzip(const Evidence& file) { return file.starts("\x1f\x8b"); }
bool is_zstd(const Evidence& file) { return file.starts("\x28\xb5\x2f\xfd"); }
bool is_xz(const Evidence& file) {
  return file.starts(
      "\xfd"
      "7zXZ");
}
bool is_bzip2(const Evidence& file) { return file.starts("BZh"); }

char first_character(const Evidence& file) {
  std::size_t at = file.head.find_first_not_of(" \t\r\n");
  return at == file.head.npos ? '\0' : file.head[at];
}
bool is_text(const Evidence& file) {
  return !file.head.empty() && std::none_of(file.head.begin(), file.head.end(), [](unsigned char c) {
    return (c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 127;
  });
}
bool is_json(const Evidence& file) {
  return is_text(file) && (first_character(file) == '{' || first_character(file) == '[');
}
bool is_xml(const Evidence& file) { return is_text(file) && file.head.find("<?xml") < 4; }
bool is_plain_text(const Evidence& file) { return is_text(file) && !is_json(file) && !is_xml(file); }
bool is_folder(const Evidence& file) { return file.folder; }

constexpr FileKind kinds[] = {
    {"a ZIP archive", is_zip, "unpack it: unzip {file}", Role::none, true},
    {"a tar archive", is_tar, "unpack it: tar -xf {file}", Role::none, true},
    {"a file compressed by gzip", is_gzip, "unpack it: gunzip {file}", Role::none, true},
    {"a file compressed by Zstandard", is_zstd, "unpack it: unzstd {file}", Role::none, true},
    {"a file compressed by xz", is_xz, "unpack it: unxz {file}", Role::none, true},
    {"a file compressed by bzip2", is_bzip2, "unpack it: bunzip2 {file}", Role::none, true},
    {"JSON", is_json, "", Role::none, true},
    {"XML", is_xml, "", Role::none, true},
    {"text", is_plain_text, "", Role::none, true},
    {"a folder", is_folder, "", Role::none, true},
};

}  // namespace

std::span<const FileKind> containers_kinds() { return kinds; }

}  // namespace modelctl::kinds
