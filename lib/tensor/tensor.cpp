#include "tensor/tensor.hpp"

#include "base/check.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

namespace modelctl {

std::optional<std::int64_t> element_count(DimsView dims) {
  constexpr std::int64_t limit = std::int64_t{1} << 62;
  std::int64_t count = 1;
  bool empty = false;
  for (std::int64_t dim : dims) {
    if (dim < 0) return std::nullopt;
    if (dim == 0) {
      empty = true;
      continue;
    }
    if (count > limit / dim) return std::nullopt;
    count *= dim;
  }
  return empty ? 0 : count;
}

std::optional<std::uint64_t> byte_size(DType type, DimsView dims) {
  auto count = element_count(dims);
  if (!count) return std::nullopt;
  std::uint64_t elements = static_cast<std::uint64_t>(*count);
  std::uint64_t width = type == DType::string ? sizeof(std::string) * 8 : static_cast<std::uint64_t>(bits(type));
  if (width < 8) return (elements * width + 7) / 8;
  if (elements > (std::uint64_t{1} << 62) / (width / 8)) return std::nullopt;
  return elements * (width / 8);
}

std::string describe(DType type, DimsView dims) {
  std::string text(name(type));
  text += '[';
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (i > 0) text += ',';
    text += std::to_string(dims[i]);
  }
  return text + ']';
}

Tensor::Tensor(DType type, Dims dims) : type_(type), dims_(std::move(dims)) {
  auto size = byte_size(type_, dims_);
  MODELCTL_CHECK(size.has_value(), "a tensor of an unchecked size");
  if (type_ == DType::string) {
    std::vector<std::string> strings(static_cast<std::size_t>(elements()));
    *this = of_strings(std::move(dims_), std::move(strings));
    return;
  }
  // calloc's pages come zeroed from the system and cost nothing until touched; it aligns to 16, so make room for 64.
  auto* raw = static_cast<std::byte*>(std::calloc(*size + 128, 1));
  if (raw == nullptr) throw std::bad_alloc();
  owner_ = std::shared_ptr<const void>(raw, [](const void* memory) { std::free(const_cast<void*>(memory)); });
  data_ = raw + (64 - reinterpret_cast<std::uintptr_t>(raw) % 64) % 64;
}

Tensor::Tensor(DType type, Dims dims, std::shared_ptr<const void> owner, const void* data)
    : type_(type), dims_(std::move(dims)), owner_(std::move(owner)), data_(data) {}

Tensor Tensor::of_ints(std::span<const std::int64_t> values) {
  Tensor tensor(DType::i64, {static_cast<std::int64_t>(values.size())});
  std::copy(values.begin(), values.end(), static_cast<std::int64_t*>(tensor.mutable_view().data));
  return tensor;
}

Tensor Tensor::of_strings(Dims dims, std::vector<std::string> values) {
  MODELCTL_CHECK(element_count(dims) == static_cast<std::int64_t>(values.size()), "as many strings as elements");
  auto strings = std::make_shared<std::vector<std::string>>(std::move(values));
  const void* data = strings->data();
  return Tensor(DType::string, std::move(dims), std::move(strings), data);
}

ByteSpan Tensor::bytes() const {
  MODELCTL_CHECK(type_ != DType::string, "strings have no raw bytes");
  return {static_cast<const std::byte*>(data_), static_cast<std::size_t>(*byte_size(type_, dims_))};
}

Tensor Tensor::reshaped(Dims dims) const {
  Tensor other(type_, std::move(dims), owner_, data_);
  MODELCTL_CHECK(other.elements() == elements(), "a reshape keeps the element count");
  return other;
}

bool same(const Tensor& a, const Tensor& b) {
  if (a.type() != b.type() || a.dims() != b.dims()) return false;
  if (!a.present()) return true;
  if (a.type() == DType::string) {
    auto x = a.as<std::string>(), y = b.as<std::string>();
    return std::equal(x.begin(), x.end(), y.begin());
  }
  return a.bytes().empty() || std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0;
}

}  // namespace modelctl
