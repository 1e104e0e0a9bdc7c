// The one way in which commands take a model: an artifact, a package, an unpacked package, a reference to a package, an
// ONNX model, a linked program, or nothing, which is the model of modelctl.yaml. What comes out is an artifact of which
// nothing was altered, and which is signed by whom the user trusts if it came from elsewhere.
#pragma once

#include "actions/project_merge.hpp"
#include "actions/remote.hpp"
#include "actions/standard_input.hpp"
#include "artifact/artifact.hpp"
#include "base/host.hpp"
#include "package/package.hpp"

namespace modelctl::actions {

struct ModelSource {
  ModelSource() = default;
  ModelSource(const std::filesystem::path& path) : text(path.string()) {}

  std::string text;  // as the user wrote it; empty: what modelctl.yaml names; "-": what is on standard input
  // Whose signature counts. With nothing given and no MODELCTL_TRUST, a package's bytes are still checked against its
  // manifest, but nobody vouches for the manifest: that is warned of. A reference is not pulled so.
  package::TrustRequest trust;
  RemoteOptions remote;
  bool any_name = false;                         // of a reference: whatever name and version the package has
  std::map<std::string, std::int64_t> bindings;  // symbolic sizes that are fixed if an ONNX model is built
  processing::Processing processing;             // of inputs and outputs, if an ONNX model is built
  std::shared_ptr<const StandardInput> kept;     // holds what was on standard input

  std::string shown() const { return kept ? std::string(StandardInput::name) : text; }  // for messages
};

// Completes a source from the modelctl.yaml in the current folder: what it names, if there is no text, and the sizes
// that it fixes and the processing that it describes, if the source is an ONNX model. Reads standard input if that is
// the source. Returns the merge for what else the command takes from the file, and for report().
Result<ProjectMerge> complete_source(std::string_view command, ModelSource& source);

struct OpenedModel {
  artifact::Artifact artifact;
  std::string name;  // of the package, else the stem of the file
  // Of a package only. The signer is empty if only the bytes were checked.
  std::shared_ptr<const package::Package> package;
  std::string signer;
};

// Opens a source that has a text: pulls a reference into the cache of packages, verifies a package, builds an ONNX
// model into the cache of artifacts.
Result<OpenedModel> open_model(const ModelSource& source, Host& host);

// The key or trust file that the user named, or MODELCTL_TRUST; nothing if there is none.
Result<std::optional<package::Trust>> configured_trust(const package::TrustRequest& request,
                                                       const Environment& environment);

}  // namespace modelctl::actions
