// The files of labels and categories that modelctl.yaml names for inputs and outputs, read when a model is built and
// not before: most commands do without them.
#pragma once

#include "base/result.hpp"
#include "processing/processing.hpp"

namespace modelctl::actions {

// Fills the names of classes from their files. Fails as read_classes() of labels.hpp does.
Result<void> read_processing_labels(processing::Processing& processing);

}  // namespace modelctl::actions
