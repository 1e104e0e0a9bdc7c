// Placeholder inputs for a model: files of the right names, types and shapes, so that the model can be run before its
// user has data at hand. Their content means nothing.
#pragma once

#include "artifact/plan.hpp"
#include "base/result.hpp"
#include "tensor/tensor.hpp"

#include <string>
#include <vector>

namespace modelctl::actions {

struct SampleFile {
  std::string input;  // of the model
  std::string path;   // "samples/image.npy"
  Tensor value;
};

struct SampleTemplate {
  std::vector<SampleFile> files;     // in the order of the inputs; optional inputs have none
  std::vector<std::string> without;  // inputs that must be given, but that no file can hold, or only a huge one
};

// Numbers are 0, booleans false and texts "text"; but of an input that is a mask, by its name, all elements count,
// since a model that is to ignore all of its input computes nothing. Sizes that the model leaves open are 1, except
// those at the end of a shape of two or more dimensions, such as height and width of an image or the length of a
// sequence: they are `length`.
SampleTemplate sample_template(const artifact::Signature& signature, std::int64_t length);

// The bytes of the file.
Result<std::string> encoded(const SampleFile& file);

}  // namespace modelctl::actions
