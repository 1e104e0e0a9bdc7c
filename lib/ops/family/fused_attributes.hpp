// The attributes that our own operators share, and what their lowerings pass on to kernels.
#pragma once

#include "ops/schema/operator.hpp"

#include <initializer_list>

namespace modelctl::ops {

inline constexpr AttributeDef activation_attribute = {
    "activation", AttributeType::text,
    "what is applied last: none (the default), relu, clip, leaky_relu, sigmoid, tanh, hard_sigmoid, hard_swish, gelu, "
    "silu"};
inline constexpr AttributeDef activation_alpha = {"alpha", AttributeType::number,
                                                  "the activation's parameter; clip's lower bound"};
inline constexpr AttributeDef activation_beta = {"beta", AttributeType::number,
                                                 "the activation's second parameter; clip's upper bound"};

// Those of the named attributes that are there.
inline Attributes only(const Attributes& attributes, std::initializer_list<std::string_view> names) {
  Attributes some;
  for (std::string_view name : names) {
    if (const AttributeValue* value = attributes.find(name)) some.set(std::string(name), *value);
  }
  return some;
}

}  // namespace modelctl::ops
