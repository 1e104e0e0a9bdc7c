// The attributes of operators with an epilogue (Traits::epilogue), and what their lowerings pass on to kernels.
#pragma once

#include "ops/schema/operator.hpp"

#include <initializer_list>

namespace modelctl::ops {

inline constexpr std::string_view activations = "none"
#define ACTIVATION(name, ...) " " #name
#include "kernels/unary.def"
    ;
inline constexpr AttributeDef activation_attribute = text_choice("activation", activations, "what is applied last");
inline constexpr AttributeDef activation_alpha = {"alpha", AttributeType::number,
                                                  "the activation's parameter; clip's lower bound"};
inline constexpr AttributeDef activation_beta = {"beta", AttributeType::number,
                                                 "the activation's second parameter; clip's upper bound"};

// The named attributes, as far as the node has them.
inline Attributes only(const Attributes& attributes, std::initializer_list<std::string_view> names) {
  Attributes some;
  for (std::string_view name : names) {
    if (const AttributeValue* value = attributes.find(name)) some.set(std::string(name), *value);
  }
  return some;
}

}  // namespace modelctl::ops
