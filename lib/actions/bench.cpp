// Measures runs with the same session, so that shapes are bound only once. Percentiles come from sorted times of all
// runs.
#include "actions/bench.hpp"

#include "actions/input_options.hpp"
#include "actions/wrong_file.hpp"
#include "base/stopwatch.hpp"
#include "ops/run_table.hpp"
#include "runtime/inputs.hpp"
#include "runtime/placeholder.hpp"
#include "runtime/run_files.hpp"
#include "runtime/thread_pool.hpp"
#include "tensor/dispatch.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace modelctl::actions {
namespace {

// Numbers in [0, 1), from the same seed each time. Integers are zeros and texts placeholders: an index must be valid,
// and only the model knows which are. The generator is linear congruential with the constants of Knuth's MMIX. Its
// upper bits have the longest period, so the upper 24 are taken, as many as the significand of an f32 has.
void fill(Tensor& tensor, std::uint64_t& state) {
  [[maybe_unused]] bool is_float = with_type<Floats>(tensor.type(), [&]<class T>() {
    for (T& value : tensor.mutable_view().as<T>()) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      value = static_cast<T>(static_cast<float>(state >> 40) * 0x1p-24f);
    }
  });
}

// A symbol's size applies to every input that has the symbol, as in a real request. One that no input has is an error:
// a typing error would otherwise measure other shapes than those that were asked for.
Result<std::vector<Tensor>> random_inputs(const artifact::Plan& plan,
                                          const std::map<std::string, std::int64_t>& sizes) {
  std::map<std::string, bool> used;
  for (const auto& [symbol, size] : sizes) used[symbol] = false;
  std::vector<Tensor> tensors;
  std::uint64_t state = 1;
  for (const artifact::Port& port : plan.signature.inputs) {
    Dims dims;
    for (const artifact::PortDim& dim : port.dims) {
      auto given = sizes.find(dim.symbol);
      if (given != sizes.end()) used[dim.symbol] = true;
      dims.push_back(dim.symbol.empty() ? dim.size : given == sizes.end() ? 1 : given->second);
    }
    auto bytes = byte_size(port.type, dims);
    if (!bytes || *bytes > std::uint64_t{1} << 36) {
      return Error(Kind::usage, "bad-option",
                   fmt::format("cannot make an input of {} for '{}'", describe(port.type, dims), port.name));
    }
    tensors.push_back(runtime::placeholder(plan, tensors.size(), std::move(dims)));
    fill(tensors.back(), state);
  }
  for (const auto& [symbol, seen] : used) {
    if (!seen) {
      return Error(Kind::usage, "bad-option", fmt::format("cannot bind '{}': no input has such a size", symbol));
    }
  }
  return tensors;
}

// The percentile `p` of sorted times by the nearest-rank definition: always a time that was measured, never an
// interpolation between two.
double percentile(const std::vector<double>& sorted, double p) {
  auto rank = static_cast<std::size_t>(std::ceil(p * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

void add_profile(BenchReport& report, const artifact::Plan& plan, std::span<const double> seconds) {
  double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  for (std::size_t i = 0; i < seconds.size(); ++i) {
    report.steps.push_back({plan.steps[i].label, plan.steps[i].routine, seconds[i] / static_cast<double>(report.runs),
                            sum > 0 ? seconds[i] / sum : 0});
  }
  std::stable_sort(report.steps.begin(), report.steps.end(),
                   [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
}

}  // namespace

Result<BenchReport> bench(const BenchRequest& request, Host& host) {
  ModelSource source = request.model;
  TRY(complete_source("bench", source)).report(host.reporter);
  BenchReport report;
  Stopwatch loading(host.clock);
  auto opened = TRY(open_model(source, host));
  auto model = TRY(runtime::Model::load(std::move(opened.artifact), ops::run_table(), kernels::Cpu::detect()));
  report.load = loading.seconds();
  const artifact::Signature& signature = model->signature();
  auto options = input_options(request.header, model->plan().metadata, host);
  auto inputs = request.inputs.empty()
                    ? TRY(random_inputs(model->plan(), request.sizes))
                    : TRY(formats::load_inputs(
                          request.inputs, runtime::expectations(signature.inputs, model->plan().metadata), options));
  std::vector<TensorView> views;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    views.push_back(inputs[i].view());
    if (!inputs[i].present()) continue;  // an optional one
    report.inputs.push_back(signature.inputs[i].name + " " + describe(inputs[i].type(), inputs[i].dims()));
  }

  runtime::ThreadPool pool(request.threads);
  report.threads = pool.threads();
  runtime::Session session(model, pool);
  // The first run is reported apart from the others: it binds the shapes, allocates the arena and pages the weights in.
  Stopwatch first(host.clock);
  TRY(session.run(views));
  report.first = first.seconds();
  for (Stopwatch warming(host.clock); warming.seconds() < request.warm_up_seconds && !host.stop.stopped();) {
    TRY(session.run(views));
  }

  // Profiling starts only here, so that the times of the steps are those of the measured runs alone.
  session.profile(request.profile);
  std::vector<double> times;
  Stopwatch whole(host.clock);
  auto enough = [&] {
    return request.runs > 0 ? times.size() >= request.runs : whole.seconds() >= request.seconds && !times.empty();
  };
  // A stop counts only after the first run, so that every number below is defined.
  while (!enough() && !(host.stop.stopped() && !times.empty())) {
    Stopwatch one(host.clock);
    TRY(session.run(views));
    times.push_back(one.seconds());
    if (request.runs > 0) {
      host.reporter.progress("measuring", times.size(), request.runs);
    } else {
      auto total = static_cast<std::uint64_t>(request.seconds * 1000);
      host.reporter.progress("measuring", std::min(total, static_cast<std::uint64_t>(whole.seconds() * 1000)), total);
    }
  }
  report.runs = times.size();
  double sum = std::accumulate(times.begin(), times.end(), 0.0);
  report.mean = sum / static_cast<double>(times.size());
  report.per_second = sum > 0 ? static_cast<double>(times.size()) / sum : 0;
  report.arena_bytes = session.arena_bytes();
  if (request.profile) add_profile(report, model->plan(), session.step_seconds());
  std::sort(times.begin(), times.end());
  report.least = times.front();
  report.p5 = percentile(times, 0.05);
  report.p50 = percentile(times, 0.5);
  report.p90 = percentile(times, 0.9);
  report.p99 = percentile(times, 0.99);
  return report;
}

}  // namespace modelctl::actions
