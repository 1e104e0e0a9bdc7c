// Small messages of generated classes, from and to bytes.
#include "serve/grpc/unary.hpp"

#include <fmt/core.h>

namespace modelctl::serve {

constexpr std::size_t largest_message = 1024 * 1024;

grpc::ByteBuffer to_buffer(const google::protobuf::Message& message) { return to_buffer(message.SerializeAsString()); }

Result<void> parse(grpc::ByteBuffer& bytes, google::protobuf::Message& message) {
  if (bytes.Length() > largest_message) {
    return Error(Kind::bad_input, "bad-message",
                 fmt::format("a message of this method has {} bytes at most", largest_message));
  }
  grpc::ProtoBufferReader reader(&bytes);
  if (reader.status().ok() && message.ParseFromZeroCopyStream(&reader)) return {};
  return Error(Kind::bad_input, "bad-message", "the message is not a valid protobuf message of this method");
}

}  // namespace modelctl::serve
