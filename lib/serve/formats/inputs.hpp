// From what a caller sent by name to the inputs in the signature's order: shared by the dialects.
#pragma once

#include "artifact/plan.hpp"
#include "base/result.hpp"
#include "serve/models/loaded_model.hpp"
#include "tensor/json/tensor.hpp"

#include <map>
#include <optional>
#include <string>

namespace modelctl::serve {

// The members of a body, which must be JSON; none unless it is an object. Positions are those of the cursor.
Result<std::vector<json::Member>> read_members(json::Cursor& in);

// How this model's input is read from JSON, with the server's rule for what JSON has no number for.
json::Wanted wanted_input(const artifact::Port& port, std::optional<Dims> shape, const LoadedModel& model);

// The input whose value begins at `at`, with the shape that the request states, if any. An empty list is an empty
// batch, whatever the other dimensions are. A string may also be {"b64": "AAE="}.
Result<Tensor> read_input(json::Cursor& in, std::size_t at, const artifact::Port& port, std::optional<Dims> shape,
                          const LoadedModel& model);

// "cannot read the input 'x': line 1, column 7: …"
Error unreadable(std::string_view what, const json::Cursor& in);

// Puts tensors in the signature's order; reports every missing and every unknown name.
Result<std::vector<Tensor>> in_order(const artifact::Signature& signature, std::map<std::string, Tensor> named);

// The input of that name, or an error that lists those that the model has.
Result<const artifact::Port*> find_input(const artifact::Signature& signature, const std::string& name);

// "'image' and 'mask'", for messages.
std::string names(const std::vector<artifact::Port>& ports);

}  // namespace modelctl::serve
