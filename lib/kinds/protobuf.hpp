// The beginning of a protobuf message, which has no magic number: what its first fields are tells messages apart. The
// message may go on beyond the bytes that are there. For recognition only; models are read by onnx.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace modelctl::kinds {

struct Field {
  std::uint64_t number = 0;
  bool text = false;         // length-delimited: text, bytes or a message
  std::uint64_t value = 0;   // of a varint
  std::string_view content;  // of a text, as far as it is there
};

// The first fields, up to `most`; fewer if what follows is not a field that models have (varint, text, fixed32).
std::vector<Field> first_fields(std::string_view message, std::size_t most = 8);
// The same of the content of the first field of that number, a message itself; empty if there is none.
std::vector<Field> inside(const std::vector<Field>& fields, std::uint64_t number);

}  // namespace modelctl::kinds
