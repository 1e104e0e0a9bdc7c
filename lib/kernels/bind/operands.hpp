// What a kernel requires of its operands when it is bound. A plan comes from a file: nothing in it is trusted.
#pragma once

#include "kernels/isa/simd.hpp"
#include "kernels/kernel.hpp"

#include <string>
#include <vector>

namespace modelctl::kernels {

class Operands {
 public:
  Operands(std::string_view kernel, const BindCall& call) : kernel_(kernel), call_(call) {}

  // The error for a kernel that cannot be bound.
  Error refuse(std::string why) const;

  // As many inputs as that, the required ones present, all of them and the outputs f32 with dimensions whose product
  // fits; an absent optional input is one beyond `required`.
  Result<void> floats(std::size_t required, std::size_t at_most, std::size_t outputs = 1) const;

  // Fails unless the operand is of this type, with dimensions whose product fits.
  Result<void> operand(std::string_view name, const TensorView& view, DType type) const;

  bool has(std::size_t input) const { return input < call_.inputs.size() && call_.inputs[input].present(); }
  // Fails unless the operand has exactly these dimensions; `name` is for the message.
  Result<void> dims(std::string_view name, const TensorView& operand,
                    std::initializer_list<std::int64_t> expected) const;
  Result<void> dims(std::string_view name, const TensorView& operand, DimsView expected) const;

  // Attributes, of the type asked for.
  Result<std::int64_t> integer(std::string_view name, std::int64_t otherwise) const;
  Result<float> number(std::string_view name, float otherwise) const;
  Result<std::string> text(std::string_view name, std::string_view otherwise) const;
  // `count` integers within [least, most]; all `otherwise` if the attribute is absent.
  Result<std::vector<std::int64_t>> integers(std::string_view name, std::size_t count, std::int64_t otherwise,
                                             std::int64_t least, std::int64_t most) const;

 private:
  std::string_view kernel_;
  const BindCall& call_;
};

// A row of unary.def, as plans name it.
struct UnaryRow {
  std::string_view name;
  Unary function;
  float alpha, beta;  // if the plan does not give them
  bool activation;
};
const UnaryRow* find_unary(std::string_view name);  // null: there is none of that name

// What follows the sums of a product or convolution: the attributes `activation` (none, or an ACTIVATION of unary.def),
// `alpha` and `beta`. Bounds (relu, clip) are applied in registers, the others while the tile is in the first-level
// cache.
struct Activation {
  float low = -__builtin_inff();
  float high = __builtin_inff();
  Unary after = Unary::copy;
  float alpha = 0.0f;
  float beta = 0.0f;
};
Result<Activation> read_activation(const Operands& operands);

// The largest that a plan may claim: of a dimension, a stride, a pad; and of an operand's bytes. A few of these
// multiplied stay within 64 bits.
inline constexpr std::int64_t largest_size = std::int64_t{1} << 31;
inline constexpr std::uint64_t largest_operand = std::uint64_t{1} << 46;

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

}  // namespace modelctl::kernels
