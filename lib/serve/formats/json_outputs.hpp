// The forms in which JSON carries the outputs of a model. Those of one output are the same: its nested lists.
#pragma once

#include "serve/formats/json_writer.hpp"
#include "serve/models/loaded_model.hpp"

namespace modelctl::serve {

// {"scores": [[…], […]], "label": [1, 2]}
void write_columns(JsonWriter& out, const LoadedModel& model, std::span<const Tensor> outputs);
// [{"scores": […], "label": 1}, {"scores": […], "label": 2}]. Fails if the outputs have not as many rows as each other.
Result<void> write_rows(JsonWriter& out, const LoadedModel& model, std::span<const Tensor> outputs);

// An output whose values are bytes by its name, as TensorFlow Serving has it: "image_bytes".
bool holds_bytes(std::string_view output);

}  // namespace modelctl::serve
