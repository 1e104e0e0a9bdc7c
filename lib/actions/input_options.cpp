// Integers are not converted to floats: an image of bytes usually has to be scaled, which only the user knows.
#include "actions/input_options.hpp"

#include "tensor/dispatch.hpp"
#include "tensor/element_text.hpp"
#include "tensor/records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace modelctl::actions {
namespace {

// Of one kind, and with a form in NumPy itself.
std::string_view numpy_name(DType type) {
  if (type == DType::f32) return "np.float32";
  if (type == DType::f64) return "np.float64";
  if (type == DType::f16) return "np.float16";
  if (type == DType::i64) return "np.int64";
  if (type == DType::i32) return "np.int32";
  if (type == DType::i16) return "np.int16";
  if (type == DType::i8) return "np.int8";
  if (type == DType::u8) return "np.uint8";
  if (type == DType::boolean) return "np.bool_";
  return "";
}

// False if the type does not represent the value. The compared value is what is stored, so that one rounding after
// another (f64 to f32 to f16) is noticed.
template <class To>
bool convert(double value, To& to) {
  using Compute = compute_t<To>;
  bool beyond = std::abs(value) > static_cast<double>(std::numeric_limits<Compute>::max()) && std::isfinite(value);
  if (beyond) return false;
  to = static_cast<To>(static_cast<Compute>(value));
  auto stored = static_cast<double>(static_cast<Compute>(to));
  return stored == value || (std::isnan(stored) && std::isnan(value));
}

// The tensor in the other type. Not present if a value would change, which `lost` names, or if there is no conversion
// between the types.
Tensor converted(const Tensor& tensor, DType type, std::string& lost) {
  Tensor result(type, tensor.dims());
  bool good = false;
  auto all = [&]<class From, class To>(auto convert_one) {
    auto from = tensor.view().as<From>();
    auto to = result.mutable_view().as<To>();
    for (std::size_t i = 0; i < from.size(); ++i) {
      if (convert_one(from[i], to[i])) continue;
      lost = fmt::format("{} is not exactly a value of {}", static_cast<compute_t<From>>(from[i]), name(type));
      return;
    }
    good = true;
  };
  [[maybe_unused]] bool floats = with_type<Floats>(tensor.type(), [&]<class From>() {
    return with_type<Floats>(type, [&]<class To>() {
      all.template operator()<From, To>(
          [](From value, To& to) { return convert(static_cast<double>(static_cast<compute_t<From>>(value)), to); });
    });
  });
  [[maybe_unused]] bool integers = with_type<Integers>(tensor.type(), [&]<class From>() {
    return with_type<Integers>(type, [&]<class To>() {
      all.template operator()<From, To>([](From value, To& to) {
        to = static_cast<To>(value);
        return std::in_range<To>(value);
      });
    });
  });
  return good ? result : Tensor();
}

bool fits(const Dims& dims, const Dims& expected) {
  return std::equal(dims.begin(), dims.end(), expected.begin(), expected.end(),
                    [](std::int64_t have, std::int64_t want) { return want < 0 || have == want; });
}

bool are_channels(std::int64_t size) { return size == 1 || size == 3 || size == 4; }

// The order of axes that moves the channels of images or volumes to where the model expects them; empty if none does.
std::vector<std::size_t> channel_order(const Dims& dims, const Dims& expected) {
  if (dims.size() != expected.size() || dims.size() < 4) return {};
  std::vector<std::size_t> order(dims.size());
  std::iota(order.begin(), order.end(), 0);
  if (are_channels(expected[1]) && dims.back() == expected[1])
    std::rotate(order.begin() + 1, order.end() - 1, order.end());
  else if (are_channels(expected.back()) && dims[1] == expected.back())
    std::rotate(order.begin() + 1, order.begin() + 2, order.end());
  else return {};
  Dims moved;
  for (std::size_t axis : order) moved.push_back(dims[axis]);
  return fits(moved, expected) ? order : std::vector<std::size_t>();
}

// The order of axes after the first one in which the dimensions fit; empty if there is none, or nothing to move. If
// several fit, as with a width of 3, the one that moves the channels is meant.
std::vector<std::size_t> transposition(const Dims& dims, const Dims& expected) {
  constexpr std::size_t most = 6;  // 120 orders
  if (dims.size() != expected.size() || dims.size() < 3 || dims.size() > most) return {};
  if (auto order = channel_order(dims, expected); !order.empty()) return order;
  std::vector<std::size_t> order(dims.size());
  std::iota(order.begin(), order.end(), 0);
  while (std::next_permutation(order.begin() + 1, order.end())) {
    Dims moved;
    for (std::size_t axis : order) moved.push_back(dims[axis]);
    if (fits(moved, expected)) return order;
  }
  return {};
}

Dims without_ones(const Dims& dims) {
  Dims others;
  std::copy_if(dims.begin(), dims.end(), std::back_inserter(others), [](std::int64_t dim) { return dim != 1; });
  return others;
}

// The expression of NumPy that gives `x` the expected shape; empty if none is known.
std::string reshaping(const Dims& dims, const Dims& expected) {
  if (fits(dims, expected)) return "x";
  if (auto order = transposition(dims, expected); !order.empty())
    return fmt::format("x.transpose({})", fmt::join(order, ", "));
  Dims batch = dims;
  batch.insert(batch.begin(), 1);
  if (auto order = channel_order(batch, expected); !order.empty())
    return fmt::format("np.expand_dims(x, 0).transpose({})", fmt::join(order, ", "));
  for (std::size_t axis = 0; axis <= dims.size() && dims.size() + 1 == expected.size(); ++axis) {
    Dims more = dims;
    more.insert(more.begin() + static_cast<std::ptrdiff_t>(axis), 1);
    if (fits(more, expected)) return fmt::format("np.expand_dims(x, {})", axis);
  }
  for (std::size_t axis = 0; axis < dims.size() && dims.size() == expected.size() + 1; ++axis) {
    Dims fewer = dims;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(axis));
    if (dims[axis] == 1 && fits(fewer, expected)) return fmt::format("np.squeeze(x, {})", axis);
  }
  auto order = transposition(batch, expected);
  if (order.empty()) {
    Dims all = expected;
    std::replace_if(
        all.begin(), all.end(), [](std::int64_t dim) { return dim < 0; }, 1);
    return without_ones(dims) == without_ones(all) ? fmt::format("x.reshape({})", fmt::join(all, ", ")) : "";
  }
  return fmt::format("np.expand_dims(x, 0).transpose({})", fmt::join(order, ", "));
}

// The help for what formats::check() refuses; empty if there is none better.
std::string conversion(const Tensor& tensor, const formats::Expected& input) {
  bool other_type = input.type != DType::undefined && tensor.type() != input.type;
  if (other_type && (numpy_name(input.type).empty() || numpy_name(tensor.type()).empty())) return "";
  std::string shaped = input.dims ? reshaping(tensor.dims(), *input.dims) : "x";
  if (shaped.empty()) return other_type ? fmt::format("x.astype({})", numpy_name(input.type)) : "";
  return other_type ? fmt::format("{}.astype({})", shaped, numpy_name(input.type)) : shaped;
}

// As the exporters of speech models name it; 0 if the model does not state it.
std::uint32_t sample_rate(const std::map<std::string, std::string>& metadata) {
  for (const char* key : {"source.property.sample_rate", "source.property.sampling_rate"}) {
    auto found = metadata.find(key);
    std::uint32_t rate = 0;
    if (found != metadata.end() && parse_element(found->second, DType::u32, &rate) == Parsed::good) return rate;
  }
  return 0;
}

}  // namespace

Result<Tensor> convert_input(Tensor tensor, const formats::Expected& input, std::string_view where,
                             const std::function<void(const std::string&)>& note) {
  if (is_collection(tensor.type()) || is_collection(input.type)) return tensor;
  std::string lost;
  Tensor result = tensor;
  if (input.type != DType::undefined && tensor.type() != input.type) {
    Tensor other = converted(tensor, input.type, lost);
    if (other.present()) result = std::move(other);
  }
  Dims batch = result.dims();
  batch.insert(batch.begin(), 1);
  if (input.dims && !fits(result.dims(), *input.dims) && fits(batch, *input.dims)) result = result.reshaped(batch);
  if (auto checked = formats::check(result, input, where); !checked) {
    Error error = formats::check(tensor, input, where).error();
    if (!lost.empty()) error.why.push_back(std::move(lost));
    if (std::string expression = conversion(tensor, input); !expression.empty())
      error.hint = fmt::format("convert it with NumPy: {}", expression);
    return error;
  }
  if (note && (result.type() != tensor.type() || result.dims() != tensor.dims())) {
    note(fmt::format("took '{}' as '{}': converted {} to {}, no value changed", where, input.name,
                     describe(tensor.type(), tensor.dims()), describe(result.type(), result.dims())));
  }
  return result;
}

formats::ReadOptions input_options(formats::CsvHeader header, const std::map<std::string, std::string>& metadata,
                                   Host& host, std::string label) {
  Reporter& reporter = host.reporter;
  std::function<void(const std::string&)> note = [&reporter](const std::string& found) { reporter.info(found); };
  return {header,
          [&reporter](const Error& warning) { reporter.warn(warning); },
          note,
          sample_rate(metadata),
          &host.stop,
          [note](Tensor tensor, const formats::Expected& input, std::string_view where) {
            return convert_input(std::move(tensor), input, where, note);
          },
          [label = std::move(label)](const formats::Format& format, const formats::Source& source) {
            return formats::read_records(format, source, label);
          }};
}

}  // namespace modelctl::actions
