// Tensors: dense, row-major, little-endian. A view borrows memory; a Tensor shares its ownership. The memory may be a
// mapped file, so that weights of gigabytes are passed around without a copy.
#pragma once

#include "base/bytes.hpp"
#include "tensor/dtype.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace modelctl {

using Dims = std::vector<std::int64_t>;
using DimsView = std::span<const std::int64_t>;

// Every reader refuses a larger rank, so loops over axes may use arrays of this size.
inline constexpr std::size_t max_rank = 16;

// The product of the dimensions, or nullopt if one is negative or the product of the nonzero ones exceeds 2^62. The
// zeros are left out of the check, so that a claim of [2^40, 2^40, 0] is refused too: strides are products of
// dimensions.
std::optional<std::int64_t> element_count(DimsView dims);
// The bytes of a dense tensor; elements of less than a byte are packed, low bits first. nullopt on overflow, and for a
// collection with dimensions, which does not exist.
std::optional<std::uint64_t> byte_size(DType type, DimsView dims);
// "f32[1,3,224,224]"
std::string describe(DType type, DimsView dims);

// What an operator or kernel sees of a value; it owns nothing. `data` points to the elements (std::string objects for
// strings), or for a sequence, optional or map (rank 0) to an object of collection.hpp. An absent optional input has
// type undefined and no data.
struct TensorView {
  DType type = DType::undefined;
  DimsView dims;
  const void* data = nullptr;

  bool present() const { return type != DType::undefined; }
  std::size_t rank() const { return dims.size(); }
  std::int64_t dim(std::size_t axis) const { return dims[axis]; }
  std::int64_t elements() const;
  template <class T>
  std::span<const T> as() const {
    return {static_cast<const T*>(data), static_cast<std::size_t>(elements())};
  }
};

// As above, for what is written: an operator's outputs, whose memory the runtime has prepared with these dimensions.
struct MutableTensorView {
  DType type = DType::undefined;
  DimsView dims;
  void* data = nullptr;

  std::int64_t elements() const { return TensorView(*this).elements(); }
  template <class T>
  std::span<T> as() const {
    return {static_cast<T*>(data), static_cast<std::size_t>(elements())};
  }
  operator TensorView() const { return {type, dims, data}; }
};

// Dimensions and shared memory. A copy shares the memory, which is therefore immutable once a Tensor has been copied.
class Tensor {
 public:
  Tensor() = default;
  // Allocates zeroed memory, aligned to 64 bytes (a cache line, and the widest vector); strings and collections are
  // empty. The caller has checked the size with byte_size().
  Tensor(DType type, Dims dims);
  // Borrowed memory of at least byte_size() bytes, kept alive by `owner`.
  Tensor(DType type, Dims dims, std::shared_ptr<const void> owner, const void* data);

  template <class T>
  static Tensor of(DType type, Dims dims, std::initializer_list<T> values);
  template <class T>
  static Tensor scalar(DType type, T value) {
    return of<T>(type, {}, {value});
  }
  static Tensor of_ints(std::span<const std::int64_t> values);  // i64, rank 1
  static Tensor of_strings(Dims dims, std::vector<std::string> values);

  bool present() const { return type_ != DType::undefined; }
  DType type() const { return type_; }
  const Dims& dims() const { return dims_; }
  std::int64_t elements() const { return view().elements(); }
  TensorView view() const { return {type_, dims_, data_}; }
  // Only for the code that allocated the memory, before it is shared.
  MutableTensorView mutable_view() { return {type_, dims_, const_cast<void*>(data_)}; }
  template <class T>
  std::span<const T> as() const {
    return view().as<T>();
  }
  ByteSpan bytes() const;  // the raw memory; of plain types only
  // The same memory under other dimensions of the same element count.
  Tensor reshaped(Dims dims) const;
  const std::shared_ptr<const void>& owner() const { return owner_; }

 private:
  DType type_ = DType::undefined;
  Dims dims_;
  std::shared_ptr<const void> owner_;
  const void* data_ = nullptr;
};

// Copies all elements between tensors of one type and element count, whatever their dimensions; a collection's items
// are shared by both.
void copy_elements(const TensorView& from, const MutableTensorView& to);
// The memory of a value: its elements, or the items of a collection even if they are shared. Budgets count with it.
std::uint64_t held_bytes(const TensorView& view);

// True if type, dimensions and bytes are equal (strings by value, collections by item). Bitwise: a NaN equals the same
// NaN, and 0 does not equal -0.
bool same(const Tensor& a, const Tensor& b);

inline std::int64_t TensorView::elements() const {
  std::int64_t count = 1;
  for (std::int64_t dim : dims) count *= dim;
  return count;
}

template <class T>
Tensor Tensor::of(DType type, Dims dims, std::initializer_list<T> values) {
  Tensor tensor(type, std::move(dims));
  std::copy(values.begin(), values.end(), static_cast<T*>(tensor.mutable_view().data));
  return tensor;
}

}  // namespace modelctl
