// The samples of a model: inputs, and the outputs that are right for them. `evaluate` reads them from files, `pack`
// before it signs them, and `serve` from a package, all in one way: what is packed can be served.
#pragma once

#include "base/host.hpp"
#include "runtime/model.hpp"
#include "runtime/thread_pool.hpp"
#include "tensor/files.hpp"

#include <string>
#include <utility>
#include <vector>

namespace modelctl::actions {

// How the expectation of an output is read: what text and raw bytes do not show is as in the output, of that type.
// Whole numbers are compared as they are written, and so are shapes.
formats::Expected expected_output(const artifact::Port& port, DType type);

// Reads the expectation of an output from a file: the tensor of its name, or the only one. Fails with bad_input, code
// not-one-tensor, or as formats::load() does.
Result<formats::NamedTensor> read_expected(const std::string& file, const formats::Expected& output,
                                           const formats::ReadOptions& options);

// The file that all inputs, [NAME=]INPUT, are from, which may have the labels in a column; empty if there are several.
std::string only_file(const std::vector<std::string>& inputs);

struct ModelSample {
  std::string title;                                         // for messages: "the sample 'first'"
  std::vector<std::pair<std::string, std::string>> inputs;   // the model's name of each, and its file
  std::vector<std::pair<std::string, std::string>> outputs;  // those that are compared
};

// The error with the title of the sample, unless it has it: the place within a file or a model does not show whose it
// is. What would be wrong options is bad input: the files were not given as options.
Error in_sample(Error error, const std::string& title);

// Computes samples and compares their outputs with what is expected, within default_tolerance.
class SampleChecker {
 public:
  SampleChecker(std::shared_ptr<const runtime::Model> model, formats::ReadOptions options,
                runtime::Session::Limits limits);

  // Returns the outputs. Fails with bad_input: code bad-sample for names that the model does not have and for inputs
  // that are missing, wrong-answers for other outputs; and as reading the files and running the model do.
  Result<std::vector<Tensor>> check(const ModelSample& sample);

 private:
  Result<std::vector<Tensor>> checked(const ModelSample& sample);

  std::shared_ptr<const runtime::Model> model_;
  formats::ReadOptions options_;
  runtime::ThreadPool pool_{0};
  runtime::Session session_;
};

}  // namespace modelctl::actions
