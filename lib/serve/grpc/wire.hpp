// The wire format of protocol buffers (protobuf.dev, "Encoding"): what the messages are read and written with. A field
// that is not known is skipped, and of a field that is given twice the last one counts, as the format asks.
#pragma once

#include "base/result.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <string>
#include <string_view>
#include <vector>

namespace modelctl::serve::wire {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

inline constexpr std::size_t longest_list = 10'000;  // of inputs, outputs or contents: far more than any model has

// The tags of a field.
constexpr std::uint32_t bytes_of(int field) {
  return WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
}
constexpr std::uint32_t varint_of(int field) { return WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_VARINT); }

Error malformed(std::string_view what);

CodedInputStream stream_of(std::string_view bytes);

// Bytes with their length before them, where they lie.
bool read_view(CodedInputStream& in, std::string_view& view);

// Calls field(tag, in) for each field, which reads it or returns false. False if the message is malformed.
template <class Field>
bool each_field(CodedInputStream& in, Field&& field) {
  while (std::uint32_t tag = in.ReadTag()) {
    if (!field(tag, in)) return false;
  }
  return in.ConsumedEntireMessage();
}

// As above, for fields that are bytes; others are skipped. bytes(field, view) returns false to stop.
template <class Bytes>
bool each_bytes(std::string_view message, Bytes&& bytes) {
  CodedInputStream in = stream_of(message);
  return each_field(in, [&](std::uint32_t tag, CodedInputStream& from) {
    if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED)
      return WireFormatLite::SkipField(&from, tag);
    std::string_view view;
    return read_view(from, view) && bytes(WireFormatLite::GetTagFieldNumber(tag), view);
  });
}

// False if the list is full.
bool append(std::vector<std::string_view>& list, std::string_view view);

void append_varint(std::string& out, std::uint64_t number);
void append_length(std::string& out, int field, std::uint64_t length);
void append_bytes(std::string& out, int field, std::string_view bytes);

}  // namespace modelctl::serve::wire
