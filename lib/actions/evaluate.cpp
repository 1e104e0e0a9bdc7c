#include "actions/evaluate.hpp"

#include "ops/operator.hpp"
#include "runtime/model.hpp"
#include "runtime/thread_pool.hpp"
#include "tensor/dispatch.hpp"
#include "tensor/files.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace modelctl::actions {
namespace {

formats::Expected expectation(const artifact::Port& port) {
  Dims dims;
  for (const artifact::PortDim& dim : port.dims) dims.push_back(dim.size);
  return {port.name, port.type, dims};
}

std::vector<formats::Expected> expectations(const std::vector<artifact::Port>& ports) {
  std::vector<formats::Expected> all;
  for (const artifact::Port& port : ports) all.push_back(expectation(port));
  return all;
}

// The values as doubles, whatever their type; nothing for one that has no order.
Result<std::vector<double>> numbers(const TensorView& tensor, const std::string& name) {
  std::vector<double> values;
  bool known = with_type<NumbersAndBool>(tensor.type, [&]<class T>() {
    for (const T& value : tensor.as<T>()) values.push_back(static_cast<double>(static_cast<compute_t<T>>(value)));
  });
  if (!known) {
    return Error(Kind::unsupported, "cannot-compare",
                 fmt::format("cannot compare '{}': it is {}", name, describe(tensor.type, tensor.dims)));
  }
  return values;
}

// The difference as the tolerance measures it; two NaN are equal, and so are two infinities of one sign.
double difference(double value, double expected) {
  if (value == expected || (std::isnan(value) && std::isnan(expected))) return 0;
  double apart = std::abs(value - expected) / std::max(1.0, std::abs(expected));
  return std::isnan(apart) ? HUGE_VAL : apart;
}

Result<EvaluateReport::Output> compare(const std::string& name, const Tensor& value, const Tensor& expected,
                                       double tolerance) {
  if (value.dims() != expected.dims()) {
    return Error(Kind::bad_input, "wrong-shape", fmt::format("cannot compare '{}' with what is expected", name))
        .because(fmt::format("the model answers {}, and {} is expected", describe(value.type(), value.dims()),
                             describe(expected.type(), expected.dims())));
  }
  auto got = TRY(numbers(value.view(), name));
  auto wanted = TRY(numbers(expected.view(), name));
  EvaluateReport::Output report{name, got.size(), 0, 0};
  for (std::size_t i = 0; i < got.size(); ++i) {
    double apart = difference(got[i], wanted[i]);
    report.largest = std::max(report.largest, apart);
    if (apart > tolerance) ++report.different;
  }
  return report;
}

// Counts the rows whose largest value stands where the label says; an output with one value a row is the answer itself.
Result<void> count_right(const Tensor& output, const std::string& name, const std::filesystem::path& file,
                         EvaluateReport& report) {
  auto loaded = TRY(formats::load(file));
  if (loaded.empty())
    return Error(Kind::bad_input, "no-labels", "cannot read labels: the file is empty").at(file.string());
  auto labels = TRY(numbers(loaded.front().tensor.view(), file.string()));
  auto values = TRY(numbers(output.view(), name));
  if (labels.empty() || values.size() % labels.size() != 0) {
    return Error(Kind::bad_input, "wrong-shape", fmt::format("cannot compare '{}' with {} labels", name, labels.size()))
        .at(file.string())
        .because(fmt::format("the model answers {}", describe(output.type(), output.dims())));
  }
  std::size_t width = values.size() / labels.size();
  for (std::size_t row = 0; row < labels.size(); ++row) {
    auto begin = values.begin() + static_cast<std::ptrdiff_t>(row * width);
    auto end = begin + static_cast<std::ptrdiff_t>(width);
    double answer = width == 1 ? *begin : static_cast<double>(std::max_element(begin, end) - begin);
    if (answer == labels[row]) ++report.right;
  }
  report.samples = labels.size();
  report.accuracy = static_cast<double>(report.right) / static_cast<double>(report.samples);
  return {};
}

Result<std::vector<Tensor>> run(const EvaluateRequest& request, std::shared_ptr<const runtime::Model> model) {
  const artifact::Signature& signature = model->signature();
  auto inputs = TRY(formats::load_inputs(request.inputs, expectations(signature.inputs)));
  std::vector<TensorView> views;
  for (const Tensor& input : inputs) views.push_back(input.view());
  TRY(runtime::check_inputs(signature, views));
  runtime::ThreadPool pool(request.threads);
  runtime::Session session(std::move(model), pool);
  return session.run(views);
}

}  // namespace

Result<EvaluateReport> evaluate(const EvaluateRequest& request, Host&) {
  if (request.expected.empty() && request.labels.empty()) {
    return Error(Kind::usage, "nothing-to-evaluate", "cannot evaluate the model: neither outputs nor labels were given")
        .help("give --expect [NAME=]FILE or --labels FILE");
  }
  auto opened = TRY(artifact::open(request.artifact));
  auto model = TRY(runtime::Model::load(std::move(opened), ops::run_table(), kernels::Cpu::detect()));
  auto outputs = TRY(run(request, model));
  const auto& ports = model->signature().outputs;

  EvaluateReport report;
  for (const std::string& argument : request.expected) {
    std::size_t equals = argument.find('=');
    std::string name = equals == std::string::npos ? ports.front().name : argument.substr(0, equals);
    std::string file = equals == std::string::npos ? argument : argument.substr(equals + 1);
    auto port = std::find_if(ports.begin(), ports.end(), [&](const artifact::Port& p) { return p.name == name; });
    if (port == ports.end()) {
      return Error(Kind::not_found, "no-such-output", fmt::format("cannot find the output '{}'", name))
          .at(request.artifact.string());
    }
    auto expected = TRY(formats::load(file));
    if (expected.size() != 1) {
      return Error(Kind::bad_input, "not-one-tensor", fmt::format("cannot compare '{}' with '{}'", name, file))
          .because(fmt::format("the file holds {} tensors", expected.size()));
    }
    const Tensor& output = outputs[static_cast<std::size_t>(port - ports.begin())];
    report.outputs.push_back(TRY(compare(name, output, expected.front().tensor, request.tolerance)));
  }
  if (!request.labels.empty()) TRY(count_right(outputs.front(), ports.front().name, request.labels, report));
  bool same = std::all_of(report.outputs.begin(), report.outputs.end(),
                          [](const EvaluateReport::Output& output) { return output.different == 0; });
  report.good = same && report.accuracy.value_or(1) >= request.min_accuracy;
  return report;
}

}  // namespace modelctl::actions
