// Placeholder inputs for a model: files of the right names, types and shapes, so that the model can be run before its
// user has data at hand. Their content means nothing.
#pragma once

#include "artifact/plan.hpp"
#include "base/result.hpp"

#include <string>
#include <vector>

namespace modelctl::actions {

struct SampleFile {
  std::string input;    // of the model
  std::string path;     // "samples/image.npy"
  std::string type;     // with the sizes in this file: "f32[1,1,8,8]"
  std::string content;  // the file's bytes
};

struct SampleTemplate {
  std::vector<SampleFile> files;     // in the order of the inputs; optional inputs have none
  std::vector<std::string> without;  // inputs that must be given, but that no file can hold, or only a huge one
};

// Every symbolic size is 1. Numbers are 0, booleans false and texts "text"; but of an input that is a mask, by its
// name, all elements count, since a model that is to ignore all of its input computes nothing.
Result<SampleTemplate> sample_template(const artifact::Signature& signature);

}  // namespace modelctl::actions
