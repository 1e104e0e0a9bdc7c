// How the commands read inputs: tensors of another type or without the batch dimension are converted if nothing is
// lost. Linked programs, which must stay small, refuse them.
#pragma once

#include "base/host.hpp"
#include "tensor/formats.hpp"

#include <functional>
#include <map>

namespace modelctl::actions {

// The options for all inputs of a command. Columns with names are the inputs of those names (tensor/records.hpp),
// except the column `label`. What is converted, what is decided about .csv files, and what a file of sound holds is
// reported; the rate of its samples should be that which the model's metadata states as sample_rate or sampling_rate.
// Holds a reference to the host.
formats::ReadOptions input_options(formats::CsvHeader header, const std::map<std::string, std::string>& metadata,
                                   Host& host, std::string label = {});

// Converts a tensor to what an input expects, if no value changes: floats to another type of floats and integers to
// another type of integers that represent every value (NaN stays NaN), [8,8] to [1,8,8] if the first dimension of the
// input is 1 or symbolic, which `note` reports; it may be empty. What cannot be converted is returned as it is, or
// fails as formats::check() does, with the expression of NumPy that converts it as help, if there is one.
Result<Tensor> convert_input(Tensor tensor, const formats::Expected& input, std::string_view where,
                             const std::function<void(const std::string&)>& note);

}  // namespace modelctl::actions
