// File formats of tensors, one source file per format, selected by the file's extension. Readers take bytes and are
// strict: invalid input is refused, never repaired or converted silently. files.hpp is the entry point for commands.
#pragma once

#include "base/interrupt.hpp"
#include "base/result.hpp"
#include "tensor/tensor.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::formats {

// What a model expects of one input. Text formats have no element types, and an empty JSON list has no full shape, so
// readers need it to interpret a file.
struct Expected {
  std::string name;
  DType type = DType::undefined;   // undefined: the type in the file
  std::optional<Dims> dims;        // -1: any size; nullopt: any shape
  std::string text = {};           // the same as text, "f32[batch,8]"; may be empty
  bool optional = false;           // the model has a default for it
  DType key = DType::undefined;    // of a map, or of those in a sequence or optional: the types of keys and values
  DType value = DType::undefined;  // of what a sequence or optional holds: the type of its elements
  bool file = false;               // strings that hold files as they are: the model decodes them itself
  bool missing = false;            // an empty cell of a table is a missing value, NaN or "": the model knows what to do
};

// The expectation as text, such as "f32[?,8]".
std::string describe(const Expected& expected);

struct NamedTensor {
  std::string name;  // empty if the file has none
  Tensor tensor;
};

struct Format;
struct Source;

// Whether the first row of a table is a header: by the rule in docs/reference/tensor-files.md, or as the user states.
enum class CsvHeader { automatic, yes, no };

struct ReadOptions {
  CsvHeader header = CsvHeader::automatic;
  std::function<void(const Error&)> warn = {};        // of a decision that the user may not expect; may be empty
  std::function<void(const std::string&)> note = {};  // of what was found in a file; may be empty
  std::uint32_t sample_rate = 0;                      // of sound, per second, as the model states it; 0: it does not
  const Interrupt* stop = nullptr;                    // ends reading with Kind::interrupted; may be null
  // Makes a tensor fit an input before it is checked, or explains why not; may be empty.
  std::function<Result<Tensor>(Tensor tensor, const Expected& input, std::string_view where)> convert = {};
  // Reads content whose columns are inputs; no tensors if it has another form; may be empty.
  std::function<Result<std::vector<NamedTensor>>(const Format& format, const Source& source)> records = {};
  std::uint64_t unpacked_bytes = std::uint64_t{1} << 36;  // what a compressed file may become
  // Reads a file by its name, also one that a table names, or standard input as "-", in place of the system; may be
  // empty.
  std::function<Result<std::vector<std::byte>>(const std::string& file)> open = {};
};

// The input of a reader. `expected` is the one model input that the file is for, or all inputs that it may name, or
// empty.
struct Source {
  ByteSpan bytes;
  std::string_view where;  // the file's name, for diagnostics
  std::span<const Expected> expected;
  const Expected* next = nullptr;  // the input for a tensor without a name; may be null
  ReadOptions options = {};

  // The expectation of this name; otherwise the only one if there is one; otherwise `next` if the name is empty.
  const Expected* find(std::string_view name) const;
};

struct Format {
  std::string_view extension;  // ".npy"
  std::string_view summary;
  bool several;  // a file holds any number of named tensors
  // The tensors in the file's order. A reader checks types and shapes as far as it needs them for parsing; check() does
  // the rest.
  Result<std::vector<NamedTensor>> (*read)(const Source& source);
  // The bytes of a file with exactly these tensors; one tensor unless `several`. Null if such files are only read.
  Result<std::vector<std::byte>> (*write)(std::span<const NamedTensor> tensors);
  // Whether content that has no file name is of this format, by its first bytes. At most one format recognizes any
  // content.
  bool (*recognizes)(std::string_view content);
  std::string_view media_type = {};  // "text/csv"; in requests and responses
};

// All formats (generated table): each formats/<stem>.cpp defines std::span<const Format> <stem>_format().
std::span<const Format* const> formats();

// The format for a file by the extension of its name, ignoring case; the error (usage, code unknown-format) lists the
// known ones. The content is not looked at: the name decides, so that a file cannot choose its parser.
Result<const Format*> format_of(std::string_view file);

// The format of content that has no file name, such as standard input; `where` is for the error.
Result<const Format*> format_of_content(ByteSpan content, std::string_view where);

// Fails if the tensor's type or shape differs from what is expected. Nothing is converted: a wrong type is an error.
Result<void> check(const Tensor& tensor, const Expected& expected, std::string_view where);

// "cannot read 'x.npy'" with a reason: the common error of all readers.
Error unreadable(std::string_view where, std::string reason);

}  // namespace modelctl::formats
