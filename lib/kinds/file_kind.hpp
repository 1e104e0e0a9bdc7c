// What a file is, by its content, and the way forward from there to a model that runs. Users have files of many kinds
// at hand, and names say little: a command that cannot read a file as what it takes names what the file is instead.
//
// A recognizer sees a bounded part of a file, and neither runs, unpacks nor follows anything in it: pickles above all
// are programs. Being wrong costs a misleading sentence, never more.
#pragma once

#include "base/bytes.hpp"

#include <cstdint>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace modelctl::kinds {

// What a file or folder is recognized by. Its own name is none of it.
struct Evidence {
  static constexpr std::size_t window = 64 * 1024;   // bytes of head and of tail
  static constexpr std::size_t most_members = 4096;  // names; further ones are not looked at

  bool folder = false;
  std::uint64_t size = 0;
  std::string head, tail;  // the first and the last bytes, which overlap in a small file; empty for a folder
  // The names in a folder, or in a ZIP archive as far as head and tail have them.
  std::set<std::string, std::less<>> members;

  bool starts(std::string_view magic) const { return head.starts_with(magic); }
  bool at(std::size_t offset, std::string_view magic) const;
  // Whether one of the members is this name, or ends in "/" and this name.
  bool member(std::string_view name) const;
};

// What the commands take; a file of such a kind is recognized too where another one is expected.
enum class Role { none, model, artifact, program, package };

struct FileKind {
  std::string_view name;  // completes "it is …"
  bool (*recognize)(const Evidence& file);
  // What to do, as an instruction that can be followed as printed; empty if nothing is to be done with such a file. For
  // the shell: {file}, {program} (the file as a command), {folder} (which holds the file), {onnx} and {stem} (the
  // file's name with .onnx and without an extension). In Python: {"file"} and {"onnx"}.
  std::string_view forward;
  Role role = Role::none;
  bool general = false;  // an encoding or container of anything: it counts if nothing more specific fits
};

// All kinds (generated table): each known/<stem>.cpp defines std::span<const FileKind> <stem>_kinds().
std::span<const FileKind* const> known();

// The evidence of bytes, as if they were a file.
Evidence evidence_of(std::string_view bytes);
// Reads the evidence. Fails if there is no file or folder that can be read, with not_found, denied, io or bad_input.
Result<Evidence> examine(const std::filesystem::path& path);
// The kind; null if it is none that is known.
const FileKind* recognize(const Evidence& file);
// FileKind::forward for a file of that path.
std::string forward(const FileKind& kind, const std::filesystem::path& path);

}  // namespace modelctl::kinds
