// Tensor memory. Every size is checked for overflow before it is used, because dimensions come from models, tensor
// files and requests.
#include "tensor/tensor.hpp"

#include "base/check.hpp"
#include "tensor/collection.hpp"

#include <cstdlib>
#include <cstring>
#include <new>

namespace modelctl {

// The division avoids the product, which could overflow. The limit leaves room for what callers add, such as a header
// or an alignment.
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

// The one computation of a size from dimensions that a file or request states; readers compare it with the bytes that
// they have. Widths are in bits, so that packed types need no special case; a string element counts as a std::string
// object. Eight elements take `width` bytes: counted in eights, 2^62 elements of half a byte do not wrap to 0.
std::optional<std::uint64_t> byte_size(DType type, DimsView dims) {
  constexpr std::uint64_t limit = std::uint64_t{1} << 62;
  auto count = element_count(dims);
  if (!count || (is_collection(type) && !dims.empty())) return std::nullopt;
  std::uint64_t width = type == DType::string ? sizeof(std::string) * 8 : static_cast<std::uint64_t>(bits(type));
  std::uint64_t eights = static_cast<std::uint64_t>(*count) / 8, rest = static_cast<std::uint64_t>(*count) % 8;
  if (width > 0 && eights > limit / width) return std::nullopt;
  std::uint64_t bytes = eights * width + (rest * width + 7) / 8;
  return bytes <= limit ? std::optional(bytes) : std::nullopt;
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
  if (is_collection(type_)) {
    MODELCTL_CHECK(dims_.empty(), "a collection has rank 0");
    *this = type_ == DType::sequence   ? tensor_of(Sequence())
            : type_ == DType::optional ? tensor_of(Optional())
                                       : tensor_of(Map());
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
  MODELCTL_CHECK(is_plain(type_), "strings and collections have no raw bytes");
  return {static_cast<const std::byte*>(data_), static_cast<std::size_t>(*byte_size(type_, dims_))};
}

Tensor Tensor::reshaped(Dims dims) const {
  Tensor other(type_, std::move(dims), owner_, data_);
  MODELCTL_CHECK(other.elements() == elements(), "a reshape keeps the element count");
  return other;
}

// Strings and collections own memory and are copied by assignment; all others are bytes.
void copy_elements(const TensorView& from, const MutableTensorView& to) {
  if (from.type == DType::string) {
    auto strings = from.as<std::string>();
    std::copy(strings.begin(), strings.end(), to.as<std::string>().begin());
  } else if (from.type == DType::sequence) {
    sequence_in(to) = sequence_in(from);
  } else if (from.type == DType::optional) {
    optional_in(to) = optional_in(from);
  } else if (from.type == DType::map) {
    map_in(to) = map_in(from);
  } else if (std::uint64_t size = *byte_size(from.type, from.dims); size > 0) {
    std::memcpy(to.data, from.data, size);
  }
}

// Recursive: a sequence may contain maps, and an optional a sequence.
std::uint64_t held_bytes(const TensorView& view) {
  if (!view.present()) return 0;
  if (view.type == DType::optional) return held_bytes(optional_in(view).value.view());
  if (view.type == DType::map) return held_bytes(map_in(view).keys.view()) + held_bytes(map_in(view).values.view());
  if (view.type != DType::sequence) return *byte_size(view.type, view.dims);
  std::uint64_t bytes = 0;
  for (const Tensor& item : sequence_in(view).items) bytes += sizeof(Tensor) + held_bytes(item.view());
  return bytes;
}

namespace {

bool same_collections(const TensorView& a, const TensorView& b) {
  if (a.type == DType::optional) return same(optional_in(a).value, optional_in(b).value);
  if (a.type == DType::map) return same(map_in(a).keys, map_in(b).keys) && same(map_in(a).values, map_in(b).values);
  const Sequence &x = sequence_in(a), &y = sequence_in(b);
  return x.element == y.element && std::equal(x.items.begin(), x.items.end(), y.items.begin(), y.items.end(), same);
}

}  // namespace

bool same(const Tensor& a, const Tensor& b) {
  if (a.type() != b.type() || a.dims() != b.dims()) return false;
  if (!a.present()) return true;
  if (is_collection(a.type())) return same_collections(a.view(), b.view());
  if (a.type() == DType::string) {
    auto x = a.as<std::string>(), y = b.as<std::string>();
    return std::equal(x.begin(), x.end(), y.begin());
  }
  return a.bytes().empty() || std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0;
}

}  // namespace modelctl
