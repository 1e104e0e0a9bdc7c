// What a download brings instead of a file: the pointer of Git LFS, a web page, the error of a storage server.
#include "kinds/file_kind.hpp"

#include <algorithm>
#include <cctype>

namespace modelctl::kinds {
namespace {

bool is_pointer(const Evidence& file) { return file.starts("version https://git-lfs.github.com/spec/"); }

// The first characters without white space and byte order mark, in lower case.
std::string beginning(const Evidence& file) {
  std::string_view text = file.head;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  std::string begin(text.substr(0, 64));
  std::transform(begin.begin(), begin.end(), begin.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return begin;
}

bool is_page(const Evidence& file) {
  std::string begin = beginning(file);
  return begin.starts_with("<!doctype html") || begin.starts_with("<html");
}

bool is_storage_error(const Evidence& file) {
  return beginning(file).starts_with("<") && file.head.find("<Error><Code>") < 256;
}

// Space was taken for the file, and its content never came.
bool is_zeros(const Evidence& file) {
  auto zeros = [](const std::string& bytes) { return bytes.find_first_not_of('\0') == bytes.npos; };
  return !file.head.empty() && zeros(file.head) && zeros(file.tail);
}

constexpr FileKind kinds[] = {
    {"a file of zeros: its content was never written", is_zeros, "copy or download it again"},
    {"a pointer of Git LFS, not the file itself", is_pointer, "git -C {folder} lfs pull"},
    {"a web page, not a file that was downloaded", is_page,
     "download the file itself: on Hugging Face from …/resolve/… and on GitHub from …/raw/…, not from …/blob/…"},
    {"the error message of a storage server, not a file", is_storage_error,
     "read what it says, and download the file again"},
};

}  // namespace

std::span<const FileKind> downloads_kinds() { return kinds; }

}  // namespace modelctl::kinds
