#include "ops/element.hpp"

#include "base/check.hpp"

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

}  // namespace

template <class W>
Load<W> load_of(DType type) {
  Load<W> chosen = nullptr;
  (void)with_type<NumbersAndBool>(type, [&]<class T>() {
    if constexpr (std::is_same_v<wide_t<T>, W>) chosen = load<T>;
  });
  MODELCTL_CHECK(chosen != nullptr, "the element type is read or written in its wide_t");
  return chosen;
}

template <class W>
Store<W> store_of(DType type) {
  Store<W> chosen = nullptr;
  (void)with_type<NumbersAndBool>(type, [&]<class T>() {
    if constexpr (std::is_same_v<wide_t<T>, W>) chosen = store<T>;
  });
  MODELCTL_CHECK(chosen != nullptr, "the element type is read or written in its wide_t");
  return chosen;
}

template Load<double> load_of(DType);
template Load<std::int64_t> load_of(DType);
template Load<std::uint64_t> load_of(DType);
template Store<double> store_of(DType);
template Store<std::int64_t> store_of(DType);
template Store<std::uint64_t> store_of(DType);

}  // namespace modelctl::ops
