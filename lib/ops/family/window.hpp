// Inference of window operators: the sizes of ops/reference/window.hpp, symbolically.
#pragma once

#include "ops/reference/window.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {

// The positions of the window along an axis of this size; fails if both are known and do not fit.
Result<graph::Expr> window_count(const Inference& call, const Windows& windows, std::size_t axis,
                                 const graph::Expr& size);

// The attributes that window operators share.
inline constexpr AttributeDef auto_pad_attribute =
    text_choice("auto_pad", auto_pads, "how pads are chosen; NOTSET takes those of the attribute pads");
inline constexpr AttributeDef dilations_attribute = {"dilations", AttributeType::integers,
                                                     "distance between taps along each spatial axis; 1 if absent"};
inline constexpr AttributeDef pads_attribute = {"pads", AttributeType::integers,
                                                "all beginnings, then all ends; 0 if absent"};
inline constexpr AttributeDef strides_attribute = {"strides", AttributeType::integers,
                                                   "distance between windows along each spatial axis; 1 if absent"};
inline constexpr AttributeDef group_attribute = {"group", AttributeType::integer,
                                                 "number of groups of channels; 1 if absent"};
inline constexpr AttributeDef ceil_attribute = {"ceil_mode", AttributeType::integer,
                                                "0 if absent; 1: an incomplete last window counts"};

// What the inputs of these indices (x, w, and b, which may be absent) give when they are convolved, channels first;
// nullopt if not even the rank is known.
Result<std::optional<graph::Shape>> convolution_shape(Inference& call, std::size_t x, std::size_t w, std::size_t b);

}  // namespace modelctl::ops
