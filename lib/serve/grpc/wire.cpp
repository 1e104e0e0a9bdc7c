// Views are taken of messages that lie in one piece: what is not there is not read, and nothing is copied.
#include "serve/grpc/wire.hpp"

#include <fmt/core.h>

namespace modelctl::serve::wire {

Error malformed(std::string_view what) {
  return Error(Kind::bad_input, "bad-message", fmt::format("cannot read {}: it is not a valid protobuf message", what));
}

CodedInputStream stream_of(std::string_view bytes) {
  return CodedInputStream(reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<int>(bytes.size()));
}

bool read_view(CodedInputStream& in, std::string_view& view) {
  std::uint32_t size = 0;
  const void* data = nullptr;
  int available = 0;
  view = {};
  if (!in.ReadVarint32(&size)) return false;
  if (size == 0) return true;
  if (!in.GetDirectBufferPointer(&data, &available) || size > static_cast<std::uint32_t>(available)) return false;
  view = {static_cast<const char*>(data), size};
  return in.Skip(static_cast<int>(size));
}

bool append(std::vector<std::string_view>& list, std::string_view view) {
  if (list.size() == longest_list) return false;
  list.push_back(view);
  return true;
}

void append_varint(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(number | 0x80);
  out += static_cast<char>(number);
}

void append_length(std::string& out, int field, std::uint64_t length) {
  append_varint(out, bytes_of(field));
  append_varint(out, length);
}

void append_bytes(std::string& out, int field, std::string_view bytes) {
  append_length(out, field, bytes.size());
  out += bytes;
}

}  // namespace modelctl::serve::wire
