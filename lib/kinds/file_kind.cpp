// Collects evidence and asks the table. Names in ZIP archives are found by the magic numbers of the headers before
// them: no offset in the file is followed, and no name is trusted for more than a sentence. archive::Reader would need
// all of the file, and an archive that is whole: a download that was cut has a kind, too.
#include "kinds/file_kind.hpp"

#include "base/files.hpp"
#include "base/shell.hpp"

#include <fcntl.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace modelctl::kinds {
namespace fs = std::filesystem;
namespace {

// Two places hold a member's name: its local header, and its entry in the directory at the end of the archive.
struct ZipHeader {
  std::string_view magic;
  std::size_t name_size_at, name_at;
};
constexpr ZipHeader zip_headers[] = {{std::string_view("PK\3\4", 4), 26, 30}, {std::string_view("PK\1\2", 4), 28, 46}};

constexpr std::size_t longest_name = 512;  // a window of headers that claim 64 KiB each must not fill the memory

void add_zip_members(std::string_view bytes, std::set<std::string, std::less<>>& members) {
  for (const ZipHeader& header : zip_headers) {
    for (std::size_t at = bytes.find(header.magic); at != bytes.npos; at = bytes.find(header.magic, at + 1)) {
      if (members.size() >= Evidence::most_members || bytes.size() - at < header.name_at) break;
      auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[at + header.name_size_at + i]); };
      std::size_t size = byte(0) | static_cast<std::size_t>(byte(1)) << 8;
      if (size <= longest_name) members.emplace(bytes.substr(at + header.name_at, size));
    }
  }
}

Evidence of_folder(const fs::path& path) {
  Evidence folder{.folder = true};
  std::error_code code;
  for (fs::directory_iterator entry(path, code), end; !code && entry != end; entry.increment(code)) {
    if (folder.members.size() >= Evidence::most_members) break;
    folder.members.insert(entry->path().filename().string());
  }
  return folder;
}

std::string python_string(const std::string& text) {
  std::string literal = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') literal += '\\';
    literal += c;
  }
  return literal + '"';
}

// A folder may be given with a slash at its end.
fs::path without_slash(const fs::path& path) { return path.has_filename() ? path : path.parent_path(); }

}  // namespace

bool Evidence::at(std::size_t offset, std::string_view magic) const {
  return head.size() >= offset && std::string_view(head).substr(offset).starts_with(magic);
}

bool Evidence::member(std::string_view name) const {
  return std::any_of(members.begin(), members.end(), [&](std::string_view one) {
    if (!one.ends_with(name)) return false;
    return one.size() == name.size() || one[one.size() - name.size() - 1] == '/';
  });
}

Evidence evidence_of(std::string_view bytes) {
  std::size_t shown = std::min(bytes.size(), Evidence::window);
  Evidence file{.size = bytes.size(),
                .head = std::string(bytes.substr(0, shown)),
                .tail = std::string(bytes.substr(bytes.size() - shown))};
  if (file.starts("PK")) {
    add_zip_members(file.head, file.members);
    if (bytes.size() > shown) add_zip_members(file.tail, file.members);
  }
  return file;
}

Result<Evidence> examine(const fs::path& path) {
  std::error_code code;
  if (fs::is_directory(path, code)) return of_folder(path);
  Descriptor descriptor = TRY(open_file(path, O_NONBLOCK));
  std::uint64_t size = TRY(size_of(descriptor, path, true));
  // Only the two windows are read, into one text: the bytes between them are none of a recognizer's business.
  std::string bytes(std::min<std::uint64_t>(size, 2 * Evidence::window), '\0');
  std::span<std::byte> buffer = std::as_writable_bytes(std::span(bytes));
  std::size_t first = std::min(bytes.size(), Evidence::window);
  bool read = read_all_at(descriptor.number(), buffer.first(first), 0) &&
              read_all_at(descriptor.number(), buffer.subspan(first), size - (bytes.size() - first));
  if (!read) return system_error(errno, "cannot read '" + path.string() + "'", path);
  Evidence file = evidence_of(bytes);
  file.size = size;
  return file;
}

const FileKind* recognize(const Evidence& file) {
  for (bool general : {false, true}) {
    for (const FileKind* kind : known()) {
      if (kind->general == general && kind->recognize(file)) return kind;
    }
  }
  return nullptr;
}

std::string forward(const FileKind& kind, const fs::path& path) {
  const fs::path file = without_slash(path), folder = file.has_parent_path() ? file.parent_path() : ".";
  const std::string stem = file.stem().string();
  // A file that is called .onnx already must not be overwritten by what is made of it.
  const std::string onnx = stem + (file.extension() == ".onnx" ? ".new.onnx" : ".onnx");
  const std::array<std::pair<std::string_view, std::string>, 7> values{{
      {"{file}", shell_word(file.string())},
      {"{program}", shell_word(file.has_parent_path() ? file.string() : "./" + file.string())},
      {"{folder}", shell_word(folder.string())},
      {"{onnx}", shell_word(onnx)},
      {"{stem}", shell_word(stem)},
      {"{\"file\"}", python_string(file.string())},
      {"{\"onnx\"}", python_string(onnx)},
  }};
  std::string text;
  std::string_view left = kind.forward;
  while (!left.empty()) {
    auto value =
        std::find_if(values.begin(), values.end(), [&](const auto& each) { return left.starts_with(each.first); });
    text += value == values.end() ? std::string(1, left.front()) : value->second;
    left.remove_prefix(value == values.end() ? 1 : value->first.size());
  }
  return text;
}

}  // namespace modelctl::kinds
