// What the tests of the formats share: read from text or bytes, and the reason of a refusal.
#pragma once

#include "tensor/formats.hpp"

#include <doctest/doctest.h>

namespace modelctl::formats {

inline Expected expect(std::string name, DType type, std::optional<Dims> dims = std::nullopt) {
  return {std::move(name), type, std::move(dims)};
}

inline Result<std::vector<NamedTensor>> read_as(std::string_view extension, std::string_view text,
                                                std::vector<Expected> expected = {}) {
  const Format* format = *format_of(extension);
  return format->read({as_bytes(text), "file", expected, expected.size() == 1 ? &expected.front() : nullptr});
}

// The one tensor of a text that can be read.
inline Tensor tensor_of(std::string_view extension, std::string_view text, std::vector<Expected> expected = {}) {
  auto read = read_as(extension, text, std::move(expected));
  if (!read) FAIL(read.error().what << ": " << (read.error().why.empty() ? "" : read.error().why.front()));
  REQUIRE(read->size() == 1);
  return read->front().tensor;
}

// Why a text cannot be read: the innermost reason.
inline std::string fault_of(std::string_view extension, std::string_view text, std::vector<Expected> expected = {}) {
  auto read = read_as(extension, text, std::move(expected));
  if (read) return "it was read";
  return read.error().why.empty() ? read.error().what : read.error().why.back();
}

inline std::string written(std::string_view extension, std::vector<NamedTensor> tensors) {
  auto bytes = (*format_of(extension))->write(tensors);
  if (!bytes) return bytes.error().what;
  return std::string(as_text(*bytes));
}

}  // namespace modelctl::formats
