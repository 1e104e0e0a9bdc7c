// Inference that the classifiers and regressors of ai.onnx.ml share.
#pragma once

#include "ops/reference/scores.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {

inline constexpr AttributeDef post_transform_attribute =
    text_choice("post_transform", post_transforms, "applied to the scores of each row");

// The rows of input 0, [N,C] or one row [C].
graph::Expr rows_of(Inference& call);

// A label and as many scores as there are labels for each row of input 0; `texts` and `numbers` name the attributes
// that hold the labels.
Result<void> infer_classifier(Inference& call, std::string_view texts, std::string_view numbers);

}  // namespace modelctl::ops
