// One function to read and one to write for each element type, chosen before the loop: that costs an indirect call for
// each element, and keeps the runners small.
#include "ops/reference/element.hpp"

#include "base/check.hpp"
#include "tensor/small.hpp"

namespace modelctl::ops {
namespace {

template <class T>
wide_t<T> load(const void* data, std::int64_t at) {
  return static_cast<wide_t<T>>(static_cast<compute_t<T>>(static_cast<const T*>(data)[at]));
}

template <class T>
void store(void* data, std::int64_t at, wide_t<T> value) {
  static_cast<T*>(data)[at] = static_cast<T>(static_cast<compute_t<T>>(value));
}

template <DType type>
double load_small_float(const void* data, std::int64_t at) {
  if constexpr (type == DType::f4e2m1) return widen(type, packed(data, at, 4));
  else return widen(type, static_cast<const std::uint8_t*>(data)[at]);
}
template <DType type>
void store_small_float(void* data, std::int64_t at, double value) {
  if constexpr (type == DType::f4e2m1) set_packed(data, at, 4, narrow(type, value));
  else static_cast<std::uint8_t*>(data)[at] = narrow(type, value);
}

template <int width, class W>
W load_packed(const void* data, std::int64_t at) {
  constexpr W sign = std::is_signed_v<W> ? W{1} << (width - 1) : W{0};
  return static_cast<W>((static_cast<W>(packed(data, at, width)) ^ sign) - sign);
}
template <int width, class W>
void store_packed(void* data, std::int64_t at, W value) {
  set_packed(data, at, width, static_cast<unsigned>(value));
}

template <class W>
struct Access {
  Load<W> load;
  Store<W> store;
};

template <class W>
Access<W> small_access(DType type) {
  if constexpr (std::is_same_v<W, double>) {
    switch (type) {
#define MODELCTL_SMALL_FLOAT(name) \
  case DType::name: return {load_small_float<DType::name>, store_small_float<DType::name>};
      MODELCTL_SMALL_FLOAT(f8e4m3fn)
      MODELCTL_SMALL_FLOAT(f8e4m3fnuz)
      MODELCTL_SMALL_FLOAT(f8e5m2)
      MODELCTL_SMALL_FLOAT(f8e5m2fnuz)
      MODELCTL_SMALL_FLOAT(f8e8m0)
      MODELCTL_SMALL_FLOAT(f4e2m1)
#undef MODELCTL_SMALL_FLOAT
      default: return {};
    }
  } else {
    constexpr bool is_signed = std::is_signed_v<W>;
    if (type == (is_signed ? DType::i4 : DType::u4)) return {load_packed<4, W>, store_packed<4, W>};
    if (type == (is_signed ? DType::i2 : DType::u2)) return {load_packed<2, W>, store_packed<2, W>};
    return {};
  }
}

template <class W>
Access<W> access(DType type) {
  Access<W> chosen = small_access<W>(type);
  (void)with_type<NumbersAndBool>(type, [&]<class T>() {
    if constexpr (std::is_same_v<wide_t<T>, W>) chosen = {load<T>, store<T>};
  });
  MODELCTL_CHECK(chosen.load != nullptr, "the element type is read or written in its wide_t");
  return chosen;
}

}  // namespace

bool is_unsigned(DType type) {
  switch (type) {
    case DType::boolean:
    case DType::u2:
    case DType::u4:
    case DType::u8:
    case DType::u16:
    case DType::u32:
    case DType::u64: return true;
    default: return false;
  }
}

template <class W>
Load<W> load_of(DType type) {
  return access<W>(type).load;
}

template <class W>
Store<W> store_of(DType type) {
  return access<W>(type).store;
}

template Load<double> load_of(DType);
template Load<std::int64_t> load_of(DType);
template Load<std::uint64_t> load_of(DType);
template Store<double> store_of(DType);
template Store<std::int64_t> store_of(DType);
template Store<std::uint64_t> store_of(DType);

}  // namespace modelctl::ops
