// What the Open Inference Protocol, version 2, tells about the server and its models, as JSON. REST sends it as it is;
// gRPC makes messages of it, whose fields have the same names. So both front ends say the same.
#pragma once

#include "serve/service.hpp"

#include <string>

namespace modelctl::serve {

// A type without a name in the protocol can be an input or output all the same: "UNKNOWN".
std::string_view v2_datatype(DType type);

std::string server_metadata();
// What an input is made from, or an output means, is in its `parameters`, which the protocol leaves to servers. Their
// values are texts in JSON, and in messages InferParameter.
enum class ParameterForm { text, message };
Result<std::string> model_metadata(Service& service, const ModelSelector& selector,
                                   ParameterForm form = ParameterForm::text);
// As Triton's model configuration, as far as it applies here.
Result<std::string> model_config(Service& service, const ModelSelector& selector);
// Of the version, of all versions of the model, or, if no model is named, of all that are ready.
Result<std::string> model_statistics(Service& service, const ModelSelector& selector);
// Of every version of every model here, in whatever state; `only_ready` leaves out the others.
std::string repository_index(const Service& service, bool only_ready);

}  // namespace modelctl::serve
