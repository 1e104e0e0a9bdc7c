// The model is compiled as `build` does it: without kernels, a network of images would run for minutes.
#include "actions/sample_trial.hpp"

#include "base/files.hpp"
#include "lower/lower.hpp"
#include "ops/run_table.hpp"
#include "passes/pipeline/pipeline.hpp"
#include "runtime/model.hpp"
#include "runtime/thread_pool.hpp"

namespace modelctl::actions {
namespace {

constexpr std::uint64_t most_weights = 256 << 20;  // bytes
// Text and audio, then images: 224 and 256 are what networks of images are mostly made for.
constexpr std::int64_t usual_sizes[] = {1, 32, 224, 256, 512};

std::uint64_t weight_bytes(graph::Graph& graph) {
  std::uint64_t sum = 0;
  graph::for_each_graph(graph, [&](const graph::Graph& each) {
    for (const graph::Value* value : each.values()) {
      if (value->is_constant()) sum += byte_size(value->constant.type(), value->constant.dims()).value_or(0);
    }
  });
  return sum;
}

Result<std::shared_ptr<const runtime::Model>> compile(graph::Graph& graph, const StopToken& stop) {
  TRY(passes::run_pipeline(graph, {.stop = &stop}));
  auto folder = TRY(TemporaryFolder::create(std::filesystem::temp_directory_path()));
  auto lowered = TRY(lower::lower(graph, folder.path()));
  TRY(lowered.weights.write(lowered.plan, folder.path() / "artifact"));
  return runtime::Model::load(TRY(artifact::open(folder.path() / "artifact")), ops::run_table(),
                              kernels::Cpu::detect());
}

// The values in the order of the inputs; one that is not present for each optional input.
std::vector<TensorView> values_of(const SampleTemplate& sample, const artifact::Signature& signature) {
  std::vector<TensorView> values;
  auto next = sample.files.begin();
  for (const artifact::Port& port : signature.inputs) {
    if (port.optional) values.emplace_back();
    else values.push_back((next++)->value.view());
  }
  return values;
}

}  // namespace

Result<SampleTemplate> tried_samples(graph::Graph& graph, const artifact::Signature& signature, Host& host) {
  SampleTemplate smallest = sample_template(signature, 1);
  if (!smallest.without.empty() || weight_bytes(graph) > most_weights) return smallest;
  auto model = TRY(compile(graph, host.stop));
  runtime::ThreadPool pool(0);
  runtime::Session session(model, pool, {.time = std::chrono::seconds(10), .stop = &host.stop});
  std::optional<Error> first;
  for (std::int64_t size : usual_sizes) {
    SampleTemplate sample = sample_template(signature, size);
    if (!sample.without.empty()) break;  // too large for a file
    auto ran = session.run(values_of(sample, signature));
    if (ran) return sample;
    if (ran.error().kind == Kind::interrupted) return ran.error();
    if (!first) first = std::move(ran).error();
  }
  Error warning(Kind::bad_input, "placeholder-does-not-run",
                "the model does not run on the placeholders of its inputs");
  warning.why = std::move(first->why);
  warning.why.insert(warning.why.begin(), std::move(first->what));
  warning.hint = "replace the files in 'samples' by real inputs";
  host.reporter.warn(warning);
  return smallest;
}

}  // namespace modelctl::actions
