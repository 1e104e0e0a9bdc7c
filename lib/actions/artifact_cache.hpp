// Artifacts of ONNX models that were given to a command in place of an artifact. A cached artifact is used if the
// model, its external data, the options of the build and modelctl itself are the same; its own digest is checked first.
#pragma once

#include "actions/model_source.hpp"

namespace modelctl::actions {

// The artifact of an ONNX model, a file, with the symbolic sizes and the processing of the source, at the default level
// of optimization: from $XDG_CACHE_HOME/modelctl/artifacts, else ~/.cache/…, or built and kept there. Reports a build
// with its duration, and why the artifact was not kept if that folder cannot be written. Fails as build() does.
Result<artifact::Artifact> built_artifact(const ModelSource& source, Host& host);

}  // namespace modelctl::actions
