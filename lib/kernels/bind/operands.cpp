// Checks of types, sizes and attributes, with the kernel's name in each message. Sizes are limited so that their
// products stay within 64 bits.
#include "kernels/bind/operands.hpp"

#include "tensor/tensor.hpp"

namespace modelctl::kernels {
namespace {

std::string text_of(DimsView dims) {
  std::string text = "[";
  for (std::size_t i = 0; i < dims.size(); ++i) text += (i == 0 ? "" : ",") + std::to_string(dims[i]);
  return text + "]";
}

// The attribute's value as T, null if absent; an error if it is of another type.
template <class T>
Result<const T*> typed(const Operands& operands, const Attributes& attributes, std::string_view name) {
  const AttributeValue* value = attributes.find(name);
  if (value == nullptr) return nullptr;
  const T* found = std::get_if<T>(value);
  if (found == nullptr) return operands.refuse("attribute '" + std::string(name) + "' is of another type");
  return found;
}

}  // namespace

Error Operands::refuse(std::string why) const {
  return Error(Kind::bad_input, "bad-operands", "cannot bind kernel '" + std::string(kernel_) + "': " + why);
}

Result<void> Operands::floats(std::size_t required, std::size_t at_most, std::size_t outputs) const {
  if (call_.inputs.size() > at_most) return refuse("it takes at most " + std::to_string(at_most) + " inputs");
  if (call_.outputs.empty() || call_.outputs.size() > outputs) {
    return refuse("it has " + (outputs == 1 ? std::string("1 output") : std::to_string(outputs) + " outputs"));
  }
  for (std::size_t i = 0; i < required || i < call_.inputs.size(); ++i) {
    if (has(i)) TRY(operand("input " + std::to_string(i), call_.inputs[i], DType::f32));
    else if (i < required) return refuse("input " + std::to_string(i) + " is missing");
  }
  for (std::size_t i = 0; i < call_.outputs.size(); ++i) {
    if (call_.outputs[i].present() || i == 0) {
      TRY(operand("output " + std::to_string(i), call_.outputs[i], DType::f32));
    }
  }
  return {};
}

Result<void> Operands::operand(std::string_view name, const TensorView& view, DType type) const {
  if (view.type != type) {
    return refuse(std::string(name) + " is " + std::string(modelctl::name(view.type)) + ", not " +
                  std::string(modelctl::name(type)));
  }
  for (std::int64_t dim : view.dims) {
    if (dim < 0 || dim > largest_size) {
      return refuse(std::string(name) + " has a dimension of " + std::to_string(dim));
    }
  }
  const auto bytes = byte_size(view.type, view.dims);
  if (!bytes || *bytes > largest_operand) return refuse(std::string(name) + " is too large");
  return {};
}

Result<void> Operands::dims(std::string_view name, const TensorView& operand,
                            std::initializer_list<std::int64_t> expected) const {
  return dims(name, operand, DimsView(expected.begin(), expected.size()));
}

Result<void> Operands::dims(std::string_view name, const TensorView& operand, DimsView expected) const {
  if (std::equal(operand.dims.begin(), operand.dims.end(), expected.begin(), expected.end())) return {};
  return refuse(std::string(name) + " has the dimensions " + text_of(operand.dims) + ", not " + text_of(expected));
}

Result<std::int64_t> Operands::integer(std::string_view name, std::int64_t otherwise) const {
  const auto* value = TRY(typed<std::int64_t>(*this, call_.attributes, name));
  return value ? *value : otherwise;
}

Result<float> Operands::number(std::string_view name, float otherwise) const {
  const auto* value = TRY(typed<float>(*this, call_.attributes, name));
  return value ? *value : otherwise;
}

Result<std::string> Operands::text(std::string_view name, std::string_view otherwise) const {
  const auto* value = TRY(typed<std::string>(*this, call_.attributes, name));
  return value ? *value : std::string(otherwise);
}

Result<std::vector<std::int64_t>> Operands::integers(std::string_view name, std::size_t count, std::int64_t otherwise,
                                                     std::int64_t least, std::int64_t most) const {
  const auto* value = TRY(typed<std::vector<std::int64_t>>(*this, call_.attributes, name));
  if (value == nullptr) return std::vector<std::int64_t>(count, otherwise);
  if (value->size() != count) {
    return refuse("attribute '" + std::string(name) + "' has " + std::to_string(value->size()) + " values, not " +
                  std::to_string(count));
  }
  for (std::int64_t number : *value) {
    if (number < least || number > most) {
      return refuse("attribute '" + std::string(name) + "' has the value " + std::to_string(number));
    }
  }
  return *value;
}

const UnaryRow* find_unary(std::string_view name) {
  static constexpr UnaryRow table[] = {
#define ACTIVATION(name, op, alpha, beta, ...) {#name, Unary::name, alpha, beta, true},
#define FUNCTION(name, ...) {#name, Unary::name, 0.0f, 0.0f, false},
#include "kernels/unary.def"
  };
  for (const UnaryRow& row : table) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

Result<Activation> read_activation(const Operands& operands) {
  const std::string name = TRY(operands.text("activation", "none"));
  Activation activation;
  if (name == "none") return activation;
  const UnaryRow* row = find_unary(name);
  if (row == nullptr || !row->activation) return operands.refuse("there is no activation '" + name + "'");
  const float alpha = TRY(operands.number("alpha", row->alpha)), beta = TRY(operands.number("beta", row->beta));
  if (row->function == Unary::relu) {
    activation.low = 0.0f;
  } else if (row->function == Unary::clip) {
    activation.low = alpha;
    activation.high = beta;
  } else {
    activation.after = row->function;
    activation.alpha = alpha;
    activation.beta = beta;
  }
  return activation;
}

}  // namespace modelctl::kernels
