#include "conformance/compare.hpp"

#include "base/files.hpp"
#include "onnx/tensor_reader.hpp"
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

}  // namespace

Result<Tensor> read_value(const std::filesystem::path& file, DType kind) {
  if (kind == DType::sequence || kind == DType::optional || kind == DType::map) {
    return Error(Kind::unsupported, "collection",
                 fmt::format("cannot read '{}': it holds no tensor", file.filename().string()));
  }
  auto mapped = TRY(MappedFile::open(file));
  onnx::ExternalFiles none(file.parent_path());
  ByteSpan bytes = mapped->bytes();
  try {
    auto read = TRY(onnx::read_tensor({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, {mapped, none}));
    return std::move(read.tensor);
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
