// Tensors in files that other programs read and write: one file per format, chosen by the file's extension. Readers
// take bytes and are strict; what is wrong is refused, never bent into shape. files.hpp is the way in for commands.
#pragma once

#include "base/result.hpp"
#include "tensor/tensor.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::formats {

// What a model says of one input: text has no element type of its own, and a list no shape beyond what it shows.
struct Expected {
  std::string name;
  DType type = DType::undefined;  // undefined: whatever the file says
  std::optional<Dims> dims;       // -1: any size; nullopt: any shape
  std::string text = {};          // the same in the model's words, "f32[batch,8]"; may be empty
};

// Its text, else "f32[?,8]".
std::string describe(const Expected& expected);

struct NamedTensor {
  std::string name;  // empty where the file gives none
  Tensor tensor;
};

// What a reader is given. `expected` is the one input that the file is for, or all that it may name, or nothing.
struct Source {
  ByteSpan bytes;
  std::string_view where;  // the file's name, for diagnostics
  std::span<const Expected> expected;
  const Expected* next = nullptr;  // what a tensor without a name is for; may be null

  // The expectation under this name, else the only one there is, else `next` for no name, else nullptr.
  const Expected* find(std::string_view name) const;
};

struct Format {
  std::string_view extension;  // ".npy"
  std::string_view summary;
  bool several;  // the file holds any number of tensors, with their names
  // The tensors in the file's order. A reader checks their types and shapes where it must know them to read; check()
  // does the rest.
  Result<std::vector<NamedTensor>> (*read)(const Source& source);
  // The bytes of a file that holds exactly these; one tensor unless `several`.
  Result<std::vector<std::byte>> (*write)(std::span<const NamedTensor> tensors);
};

// All formats (generated table): each formats/<stem>.cpp defines std::span<const Format> <stem>_format().
std::span<const Format* const> formats();

// The format for a file by the extension of its name, in any case; the error lists what there is.
Result<const Format*> format_of(std::string_view file);

// Refuses a tensor of another type or shape than expected.
Result<void> check(const Tensor& tensor, const Expected& expected, std::string_view where);

// "cannot read 'x.npy'" with a reason: the one form of error that every reader has.
Error unreadable(std::string_view where, std::string reason);

}  // namespace modelctl::formats
