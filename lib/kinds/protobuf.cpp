// Reads tags and lengths with bounds of their own, without copying.
#include "kinds/protobuf.hpp"

#include <algorithm>
#include <optional>

namespace modelctl::kinds {
namespace {

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !bytes.empty(); shift += 7) {
    auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 127) << shift;
    if (byte < 128) return value;
  }
  return std::nullopt;
}

}  // namespace

std::vector<Field> first_fields(std::string_view message, std::size_t most) {
  enum : std::uint64_t { varint = 0, text = 2, fixed32 = 5 };
  std::vector<Field> fields;
  while (!message.empty() && fields.size() < most) {
    auto tag = take_varint(message);
    if (!tag || *tag >> 3 == 0) break;
    Field field{.number = *tag >> 3, .text = (*tag & 7) == text};
    if ((*tag & 7) == fixed32) {
      message.remove_prefix(std::min<std::size_t>(message.size(), 4));
    } else if ((*tag & 7) == varint || field.text) {
      auto number = take_varint(message);
      if (!number) break;
      field.value = *number;
      if (field.text) {
        field.content = message.substr(0, *number);
        message.remove_prefix(field.content.size());
      }
    } else {
      break;
    }
    fields.push_back(field);
  }
  return fields;
}

std::vector<Field> inside(const std::vector<Field>& fields, std::uint64_t number) {
  auto found = std::find_if(fields.begin(), fields.end(),
                            [&](const Field& field) { return field.number == number && field.text; });
  return found == fields.end() ? std::vector<Field>() : first_fields(found->content);
}

}  // namespace modelctl::kinds
