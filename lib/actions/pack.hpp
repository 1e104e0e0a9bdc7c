// pack: an artifact, and what belongs to it, as one signed package.
#pragma once

#include "base/host.hpp"
#include "package/writer.hpp"

namespace modelctl::actions {

struct PackRequest {
  // What is empty here, modelctl.yaml defines, and it adds to the lists: project_merge.hpp.
  std::filesystem::path artifact;
  std::string name, version;
  std::filesystem::path key;            // the private key
  std::filesystem::path password_file;  // with the key's passphrase, in place of environment and prompt
  std::filesystem::path output;
  std::string description;  // one line for people
  std::string license;      // SPDX expression
  std::vector<package::Quality> quality;
  bool evaluate = false;  // evaluates the model on the samples of modelctl.yaml, and adds its metrics to `quality`
  std::map<std::string, std::string> annotations;
  // More files, each stored under its own name in a folder named for its role ("samples/images.npy"). Code may be a
  // folder, whose files keep their places in it ("code/src/main.py").
  struct File {
    package::Role role;
    std::filesystem::path path;
    std::filesystem::path place = {};  // below the folder of the role; empty for the file's own name
  };
  std::vector<File> files;
  // Inputs and what they should give, by the names of the model's: samples/samples.json lists them in the package.
  struct Sample {
    std::string name;
    std::vector<std::pair<std::string, std::filesystem::path>> inputs, outputs;
    std::filesystem::path labels;  // may be empty
  };
  std::vector<Sample> samples;
  std::string label_column;       // with the labels of a sample, in their file or else in its only input; may be empty
  std::filesystem::path classes;  // names of the classes that the labels are; may be empty
};

struct PackReport {
  package::Manifest manifest;
  Digest digest;  // of the manifest: the package's
  std::uint64_t archive_size = 0;
  std::filesystem::path output;
  Digest signer;  // the fingerprint of the key
};

// The archive is complete or absent, and depends on the request's content and SOURCE_DATE_EPOCH alone: equal inputs
// give equal bytes on every machine. Fails with usage or bad_config for what is missing or malformed, with bad_input
// for names, paths and files that the format does not accept, with untrusted for an artifact that was altered, and with
// denied without the key's passphrase; for samples as packed_samples() does. With `evaluate` also as evaluate() does,
// and with bad_input, code not-good, if the model is not as good as modelctl.yaml demands. Neither the passphrase nor
// anything of the key enters a message.
Result<PackReport> pack(const PackRequest& request, Host& host);

}  // namespace modelctl::actions
