// Attributes that the attentions of com.microsoft share.
#pragma once

#include "ops/schema/operator.hpp"

namespace modelctl::ops {

inline constexpr AttributeDef heads_attribute = {"num_heads", AttributeType::integer, "heads", true};
inline constexpr AttributeDef scale_attribute = {"scale", AttributeType::number,
                                                 "of the products; 1/sqrt(size of a head) if absent"};

}  // namespace modelctl::ops
