// Values are computed in f64 and cast once, as if Cast followed.
#include "ops/reference/generated.hpp"

#include "ops/reference/convert.hpp"

namespace modelctl::ops {

Result<DType> numbered_type(const Attributes& attributes, std::string_view name, DType otherwise) {
  if (!attributes.has(name)) return otherwise;
  std::int64_t number = attributes.integer(name);
  auto type = static_cast<DType>(number);
  bool known = number >= 1 && number <= 16 && with_type<NumbersAndBool>(type, []<class T>() {});
  if (!known)
    return refuse("attribute '" + std::string(name) + "' is not a type of numbers: " + std::to_string(number));
  return type;
}

Result<void> generate(Outputs& outputs, DType type, DimsView dims, const std::function<double(std::int64_t)>& value) {
  MutableTensorView y = TRY(outputs.allocate(0, type, dims));
  std::vector<double> values(static_cast<std::size_t>(y.elements()));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = value(static_cast<std::int64_t>(i));
  return convert_elements({DType::f64, dims, values.data()}, y);
}

}  // namespace modelctl::ops
