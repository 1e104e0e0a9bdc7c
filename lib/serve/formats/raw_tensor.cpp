// The bytes are copied: a tensor in the middle of a request's body would keep all of the body, and need not be aligned.
#include "serve/formats/raw_tensor.hpp"

#include <fmt/core.h>

#include <cstring>

namespace modelctl::serve {
namespace {

Error bad_bytes(std::string reason) {
  return Error(Kind::bad_input, "bad-binary-tensor", "its binary data cannot be read").because(std::move(reason));
}

bool has_raw_form(DType type) { return is_plain(type) && bits(type) >= 8; }

std::uint32_t length_at(const char* bytes) {
  std::uint32_t length = 0;
  for (int i = 3; i >= 0; --i) length = length << 8 | static_cast<unsigned char>(bytes[i]);
  return length;
}

// Each string takes four bytes or more, so that the count is checked against the bytes before memory is taken for it.
Result<Tensor> read_strings(std::string_view bytes, Dims dims) {
  auto count = element_count(dims);
  if (!count || static_cast<std::uint64_t>(*count) > bytes.size() / 4)
    return bad_bytes(fmt::format("{} bytes do not hold {}", bytes.size(), describe(DType::string, dims)));
  std::vector<std::string> strings;
  strings.reserve(static_cast<std::size_t>(*count));
  for (std::int64_t i = 0; i < *count; ++i) {
    if (bytes.size() < 4 || length_at(bytes.data()) > bytes.size() - 4)
      return bad_bytes(fmt::format("the string at index {} goes beyond the data's end", i));
    std::size_t length = length_at(bytes.data());
    strings.emplace_back(bytes.substr(4, length));
    bytes.remove_prefix(4 + length);
  }
  if (!bytes.empty()) return bad_bytes(fmt::format("{} bytes follow the last string", bytes.size()));
  return Tensor::of_strings(std::move(dims), std::move(strings));
}

}  // namespace

Result<Tensor> read_raw(std::string_view bytes, DType type, Dims dims) {
  if (type == DType::string) return read_strings(bytes, std::move(dims));
  auto size = byte_size(type, dims);
  if (!has_raw_form(type) || !size || *size != bytes.size())
    return bad_bytes(fmt::format("{} bytes are not {}", bytes.size(), describe(type, dims)));
  Tensor tensor(type, std::move(dims));
  auto* data = static_cast<char*>(tensor.mutable_view().data);
  if (!bytes.empty()) std::memcpy(data, bytes.data(), bytes.size());
  if (type == DType::boolean) {
    for (std::size_t i = 0; i < bytes.size(); ++i) data[i] = data[i] != 0;  // no other value is a bool
  }
  return tensor;
}

std::uint64_t raw_size(const TensorView& tensor) {
  if (tensor.type != DType::string) return byte_size(tensor.type, tensor.dims).value_or(0);
  std::uint64_t size = 0;
  for (const std::string& text : tensor.as<std::string>()) size += 4 + text.size();
  return size;
}

bool append_raw(std::string& out, const TensorView& tensor) {
  if (tensor.type == DType::string) {
    for (const std::string& text : tensor.as<std::string>()) {
      for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(text.size() >> shift);
      out += text;
    }
    return true;
  }
  if (!has_raw_form(tensor.type)) return false;
  out.append(static_cast<const char*>(tensor.data), static_cast<std::size_t>(raw_size(tensor)));
  return true;
}

}  // namespace modelctl::serve
