// Comparison in f64 with a tolerance that is absolute up to 1 and relative above; integers, bools and texts must be
// equal unless a tolerance is given for the numbers.
#include "actions/compare.hpp"

#include "tensor/collection.hpp"
#include "tensor/dispatch.hpp"
#include "tensor/element_text.hpp"
#include "tensor/small.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>

namespace modelctl::actions {
namespace {

// The difference as the tolerance measures it; two NaN are equal, and so are two infinities of one sign. What is NaN
// here (a NaN against a number, a number against an expected infinity) counts as infinitely far: a comparison of NaN
// with the tolerance is false, so it would pass.
double difference(double value, double expected) {
  if (value == expected || (std::isnan(value) && std::isnan(expected))) return 0;
  double apart = std::abs(value - expected) / std::max(1.0, std::abs(expected));
  return std::isnan(apart) ? HUGE_VAL : apart;
}

Dims without_ones(Dims dims) {
  std::erase(dims, 1);
  return dims;
}

// The values of one output, which may be in several tensors.
class Comparer {
 public:
  Comparer(const std::string& name, std::optional<double> tolerance) : report_{.name = name}, tolerance_(tolerance) {}

  Result<void> add(const Tensor& value, const Tensor& expected) {
    if (is_collection(value.type()) || is_collection(expected.type())) return add_collection(value, expected);
    if (value.dims() != expected.dims()) {
      Error error =
          wrong_shape(fmt::format("the model returns {}, but {} is expected", describe(value.type(), value.dims()),
                                  describe(expected.type(), expected.dims())));
      if (without_ones(value.dims()) == without_ones(expected.dims()))
        error.hint = fmt::format("reshape what is expected with NumPy: y.reshape({})", fmt::join(value.dims(), ", "));
      return error;
    }
    if (value.type() == DType::string && expected.type() == DType::string) {
      auto got = value.as<std::string>(), wanted = expected.as<std::string>();
      report_.text = true;
      for (std::size_t i = 0; i < got.size(); ++i) add_value(got[i] == wanted[i] ? 0 : HUGE_VAL, 0);
      return {};
    }
    auto got = TRY(numbers(value.view(), report_.name));
    auto wanted = TRY(numbers(expected.view(), report_.name));
    for (std::size_t i = 0; i < got.size(); ++i) {
      double apart = difference(got[i], wanted[i]);
      if (apart == 0 && !same_integer(value, expected, i)) apart = 1 / std::abs(wanted[i]);
      add_value(apart, accepted(value.type()));
    }
    return {};
  }

  Comparison finish() && { return std::move(report_); }

 private:
  double accepted(DType type) const { return tolerance_.value_or(is_float(type) ? default_tolerance : 0); }

  void add_value(double apart, double accepted) {
    ++report_.values;
    report_.largest = std::max(report_.largest, apart);
    if (apart > accepted) ++report_.different;
  }

  // Whether values that are equal as f64 are; beyond 2^53 integers need not be.
  static bool same_integer(const Tensor& value, const Tensor& expected, std::size_t i) {
    auto wide = [](DType type) { return type == DType::i64 || type == DType::u64; };
    if (!wide(value.type()) || !wide(expected.type())) return true;
    const std::size_t at = i * sizeof(std::int64_t);
    return std::memcmp(static_cast<const std::byte*>(value.view().data) + at,
                       static_cast<const std::byte*>(expected.view().data) + at, sizeof(std::int64_t)) == 0;
  }

  Error wrong_shape(std::string reason) const {
    return Error(Kind::bad_input, "wrong-shape", fmt::format("cannot compare '{}' with what is expected", report_.name))
        .because(std::move(reason));
  }

  Error wrong_kind(const Tensor& value, const Tensor& expected) const {
    return wrong_shape(fmt::format("the model returns {}, but {} is expected", describe_value(value.view()),
                                   describe_value(expected.view())));
  }

  Result<void> add_collection(const Tensor& value, const Tensor& expected) {
    if (value.type() != expected.type()) return wrong_kind(value, expected);
    if (value.type() == DType::map) return add_map(value, expected);
    if (value.type() == DType::optional) {
      const Tensor &got = optional_in(value.view()).value, &wanted = optional_in(expected.view()).value;
      if (got.present() != wanted.present()) return wrong_kind(value, expected);
      return got.present() ? add(got, wanted) : Result<void>();
    }
    const auto &got = sequence_in(value.view()).items, &wanted = sequence_in(expected.view()).items;
    if (got.size() != wanted.size()) return wrong_kind(value, expected);
    for (std::size_t i = 0; i < got.size(); ++i) TRY(add(got[i], wanted[i]));
    return {};
  }

  // By key: what wrote the expectation may have another order.
  Result<void> add_map(const Tensor& value, const Tensor& expected) {
    const Map &got = map_in(value.view()), &wanted = map_in(expected.view());
    auto keys = keys_of(got), wanted_keys = keys_of(wanted);
    std::map<std::string, std::size_t> places;
    for (std::size_t i = 0; i < keys.size(); ++i) places.emplace(keys[i], i);
    std::vector<std::size_t> order;
    for (const std::string& key : wanted_keys) {
      auto found = places.find(key);
      if (found == places.end() || keys.size() != wanted_keys.size()) {
        return wrong_shape(fmt::format("the model returns {} with the keys {:.200}, but {:.200} are expected",
                                       describe_value(value.view()), fmt::format("{}", fmt::join(keys, ", ")),
                                       fmt::format("{}", fmt::join(wanted_keys, ", "))));
      }
      order.push_back(found->second);
    }
    if (keys.size() != wanted_keys.size()) return wrong_kind(value, expected);
    if (keys.empty()) return {};
    if (got.values.type() == DType::string || wanted.values.type() == DType::string)
      return Error(Kind::unsupported, "cannot-compare", fmt::format("cannot compare '{}': it has text", report_.name));
    auto values = TRY(numbers(got.values.view(), report_.name));
    auto wanted_values = TRY(numbers(wanted.values.view(), report_.name));
    for (std::size_t i = 0; i < order.size(); ++i)
      add_value(difference(values[order[i]], wanted_values[i]), accepted(got.values.type()));
    return {};
  }

  static std::vector<std::string> keys_of(const Map& map) {
    std::vector<std::string> keys;
    for (std::int64_t i = 0; i < (map.keys.present() ? map.keys.view().elements() : 0); ++i) {
      std::string& key = keys.emplace_back();
      if (map.keys.type() == DType::string) key = map.keys.as<std::string>()[static_cast<std::size_t>(i)];
      else print_element(key, map.keys.view(), i, {});
    }
    return keys;
  }

  Comparison report_;
  std::optional<double> tolerance_;
};

}  // namespace

Result<std::vector<double>> numbers(const TensorView& tensor, const std::string& name) {
  std::vector<double> values;
  bool known = with_type<NumbersAndBool>(tensor.type, [&]<class T>() {
    for (const T& value : tensor.as<T>()) values.push_back(static_cast<double>(static_cast<compute_t<T>>(value)));
  });
  if (is_small(tensor.type)) {
    for (std::int64_t i = 0; i < tensor.elements(); ++i) values.push_back(small_element(tensor.type, tensor.data, i));
  } else if (!known) {
    return Error(Kind::unsupported, "cannot-compare",
                 fmt::format("cannot compare '{}': it is {}", name, describe(tensor.type, tensor.dims)));
  }
  return values;
}

Result<Comparison> compare(const std::string& name, const Tensor& value, const Tensor& expected,
                           std::optional<double> tolerance) {
  Comparer comparer(name, tolerance);
  TRY(comparer.add(value, expected));
  return std::move(comparer).finish();
}

}  // namespace modelctl::actions
