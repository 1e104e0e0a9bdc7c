// Reads the suite's inputs and expected outputs, which are protobuf messages of ONNX, and compares values with
// tolerances.
#include "conformance/compare.hpp"

#include "base/files.hpp"
#include "onnx/tensor_reader.hpp"
#include "tensor/collection.hpp"
#include "tensor/dispatch.hpp"

#include <fmt/core.h>

#include <cmath>

namespace modelctl::conformance {
namespace {

template <class T>
double widened(T value) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) return static_cast<float>(value);
  else return static_cast<double>(value);
}

bool agree(double a, double b, const Tolerance& tolerance) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::fabs(a - b) <= tolerance.absolute + tolerance.relative * std::fabs(b);
}

template <class T>
std::optional<std::string> first_difference(const T* got, const T* expected, std::int64_t count,
                                            const Tolerance& tolerance) {
  std::int64_t wrong = 0, first = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    if (!agree(widened(got[i]), widened(expected[i]), tolerance) && wrong++ == 0) first = i;
  }
  if (wrong == 0) return std::nullopt;
  return fmt::format("{} of {} elements differ, first [{}]: {} and not {}", wrong, count, first, widened(got[first]),
                     widened(expected[first]));
}

using protozero::data_view;
using protozero::pbf_reader;

Result<Tensor> read(data_view message, DType kind, const onnx::TensorSource& source);

// SequenceProto: the kind of its items, and those in the field of that kind.
Result<Tensor> read_sequence(data_view message, const onnx::TensorSource& source) {
  Sequence sequence;
  pbf_reader reader(message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 3: sequence.items.push_back(TRY(read(reader.get_view(), DType::undefined, source))); break;
      case 5: sequence.items.push_back(TRY(read(reader.get_view(), DType::sequence, source))); break;
      case 6: sequence.items.push_back(TRY(read(reader.get_view(), DType::map, source))); break;
      default: reader.skip();
    }
  }
  if (!sequence.items.empty()) sequence.element = sequence.items[0].type();
  return tensor_of(std::move(sequence));
}

// OptionalProto: what it holds, if anything.
Result<Tensor> read_optional(data_view message, const onnx::TensorSource& source) {
  Optional optional;
  pbf_reader reader(message);
  while (reader.next()) {
    if (reader.tag() == 3) optional.value = TRY(read(reader.get_view(), DType::undefined, source));
    else if (reader.tag() == 5) optional.value = TRY(read(reader.get_view(), DType::sequence, source));
    else reader.skip();
  }
  return tensor_of(std::move(optional));
}

Result<Tensor> read(data_view message, DType kind, const onnx::TensorSource& source) {
  if (kind == DType::sequence) return read_sequence(message, source);
  if (kind == DType::optional) return read_optional(message, source);
  if (kind == DType::map) return Error(Kind::unsupported, "map", "cannot read a map");
  return TRY(onnx::read_tensor(message, source)).tensor;
}

std::optional<std::string> collection_difference(const TensorView& got, const TensorView& expected,
                                                 const Tolerance& tolerance) {
  if (got.type == DType::optional) {
    const Tensor &a = optional_in(got).value, &b = optional_in(expected).value;
    if (a.present() && b.present()) return difference(a, b, tolerance);
    if (a.present() == b.present()) return std::nullopt;
  }
  if (got.type == DType::sequence && sequence_in(got).items.size() == sequence_in(expected).items.size()) {
    for (std::size_t i = 0; i < sequence_in(got).items.size(); ++i) {
      auto what = difference(sequence_in(got).items[i], sequence_in(expected).items[i], tolerance);
      if (what) return fmt::format("item {}: {}", i, *what);
    }
    return std::nullopt;
  }
  return fmt::format("it is {} and not {}", describe_value(got), describe_value(expected));
}

}  // namespace

Result<Tensor> read_value(const std::filesystem::path& file, DType kind) {
  auto mapped = TRY(MappedFile::open(file));
  onnx::ExternalFiles none(file.parent_path());
  ByteSpan bytes = mapped->bytes();
  try {
    return read({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, kind, {mapped, none});
  } catch (const protozero::exception& broken) {
    return Error(Kind::bad_input, "bad-encoding", fmt::format("cannot read '{}'", file.string()))
        .because(broken.what());
  }
}

std::optional<std::string> difference(const Tensor& got, const Tensor& expected, const Tolerance& tolerance) {
  if (got.type() != expected.type() || got.dims() != expected.dims()) {
    return fmt::format("it is {} and not {}", describe(got.type(), got.dims()),
                       describe(expected.type(), expected.dims()));
  }
  if (is_collection(got.type())) return collection_difference(got.view(), expected.view(), tolerance);
  if (tolerance.shapes_only || same(got, expected)) return std::nullopt;
  std::optional<std::string> what = "its elements differ";
  (void)with_type<NumbersAndBool>(got.type(), [&]<class T>() {
    bool exact = !is_float(got.type());
    what = first_difference(got.as<T>().data(), expected.as<T>().data(), got.elements(),
                            exact ? Tolerance{0, 0, false} : tolerance);
  });
  if (got.type() == DType::c64 || got.type() == DType::c128) {
    std::int64_t parts = 2 * got.elements();
    if (got.type() == DType::c64) {
      return first_difference(static_cast<const float*>(got.view().data),
                              static_cast<const float*>(expected.view().data), parts, tolerance);
    }
    return first_difference(static_cast<const double*>(got.view().data),
                            static_cast<const double*>(expected.view().data), parts, tolerance);
  }
  if (got.type() == DType::string) {
    for (std::size_t i = 0; i < got.as<std::string>().size(); ++i) {
      const std::string &a = got.as<std::string>()[i], &b = expected.as<std::string>()[i];
      if (a != b) return fmt::format("element [{}] is '{}' and not '{}'", i, a, b);
    }
  }
  return what;
}

}  // namespace modelctl::conformance
