// The argument and the options of every command that takes a model in any form.
#pragma once

#include "actions/model_source.hpp"
#include "cli/command.hpp"
#include "cli/commands/remote.hpp"

#include <CLI/Option.hpp>

namespace modelctl::cli {

inline constexpr const char* model_forms =
    "Artifact, package, unpacked package, reference to a package, ONNX model or linked program, or - for "
    "stdin; by default that of modelctl.yaml";

inline void bind_source(Binder& binder, CLI::Option* option, actions::ModelSource& source) {
  binder.complete(binder.complete(option, Completes::any_model), Completes::reference);
  bind_trust(binder, source.trust);
  bind_any_name(binder, source.any_name);
  bind_remote(binder, source.remote);
}

inline void bind_model(Binder& binder, actions::ModelSource& model) {
  bind_source(binder, binder.app.add_option("MODEL", model.text, model_forms), model);
}

// The same for any number of models, whose other options are those of `source`.
inline void bind_models(Binder& binder, std::vector<std::string>& models, actions::ModelSource& source) {
  bind_source(binder, binder.app.add_option("MODEL", models, model_forms), source);
}

// An option for tensors: each a file, standard input or the tensor itself.
inline void bind_tensors(Binder& binder, const char* name, std::vector<std::string>& values, const char* meaning) {
  std::string forms = ": a file (.npy, .npz, .json, .jsonl, .csv), - for stdin, or JSON such as [[1, 2]]";
  binder.complete(binder.app.add_option(name, values, meaning + forms), Completes::tensors)->type_name("[NAME=]INPUT");
}

}  // namespace modelctl::cli
