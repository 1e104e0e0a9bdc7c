// From what a caller sent by name to the inputs in the signature's order: shared by the dialects.
#pragma once

#include "artifact/plan.hpp"
#include "base/result.hpp"
#include "serve/service.hpp"

#include <map>
#include <string>

namespace modelctl::serve {

// The model, or why there is none to answer now (503).
Result<std::shared_ptr<LoadedModel>> loaded(const Service& service);

// Puts tensors in the signature's order; reports every missing and every unknown name.
Result<std::vector<Tensor>> in_order(const artifact::Signature& signature, std::map<std::string, Tensor> named);

// The position of an input, or an error that lists the names there are.
Result<const artifact::Port*> find_input(const artifact::Signature& signature, const std::string& name);

// Runs the model over owned tensors.
Result<std::vector<Tensor>> predict(LoadedModel& model, const std::vector<Tensor>& inputs);

// "'image' and 'mask'", for messages.
std::string names(const std::vector<artifact::Port>& ports);

}  // namespace modelctl::serve
