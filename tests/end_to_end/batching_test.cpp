// Answers of batches are those of single requests to the bit, for every real model of MODELCTL_ZOO that the server
// batches; those that it does not batch are listed with the reason.
#include "serve/models/batching.hpp"
#include "actions/build.hpp"
#include "kernels/isa/cpu.hpp"
#include "ops/schema/operator.hpp"
#include "serve/models/sessions.hpp"
#include "tensor/formats.hpp"

#include "zoo.hpp"

#include "support/hosts.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>
#include <fmt/core.h>

using namespace modelctl;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t most = 8;

Tensor read_npy(const fs::path& path) {
  auto bytes = read_file(path);
  REQUIRE(bytes);
  std::string where = path.string();
  auto tensors = (*formats::format_of(where))->read({*bytes, where, {}});
  REQUIRE(tensors);
  return std::move(tensors->at(0).tensor);
}

// The model's own inputs, whose first rows are the requests.
std::vector<Tensor> inputs_of(const fs::path& folder) {
  std::vector<Tensor> inputs;
  for (int i = 0; fs::exists(folder / fmt::format("input_{}.npy", i)); ++i)
    inputs.push_back(read_npy(folder / fmt::format("input_{}.npy", i)));
  return inputs;
}

// "batched", or why not. Fails if a batch that the server would run has another answer.
std::string judge(const fs::path& folder, test::FakeHost& host, const fs::path& scratch) {
  auto built = actions::build({.model = folder / "model.onnx", .output = scratch / "model.artifact"}, host.host);
  if (!built) return "does not build";
  auto model = runtime::Model::load(*artifact::open(built->artifact), ops::run_table(), kernels::Cpu::detect());
  REQUIRE(model);
  if (!serve::has_batch_dimension(**model)) return "has no batch dimension";
  serve::Settings settings;
  settings.batch_max = most;
  auto threads = std::make_shared<runtime::ThreadPool>(1);
  serve::LoadedModel served(*model, {}, settings,
                            std::make_unique<serve::Sessions>(*model, runtime::Session::Limits{}, threads));
  std::vector<Tensor> sample = inputs_of(folder);
  if (!serve::rows_of(sample)) return "has inputs of different rows";
  for (std::int64_t rows = 2; rows <= most; rows *= 2) {
    if (!served.may_batch(sample, rows)) return fmt::format("answers differently in a batch of {}", rows);
    // Requests of the model's own inputs, together with others.
    serve::Inputs one;
    for (const Tensor& input : sample) {
      Dims dims = input.dims();
      dims[0] = 1;
      one.emplace_back(input.type(), dims, input.owner(), input.view().data);
    }
    std::vector<const serve::Inputs*> all(static_cast<std::size_t>(rows), &one);
    auto together = served.predict(serve::stack(all)), alone = served.predict(one);
    REQUIRE(together);
    REQUIRE(alone);
    for (std::int64_t row = 0; row < rows; ++row) {
      auto slice = serve::slice_rows(*together, row, 1, rows);
      REQUIRE(slice);
      for (std::size_t i = 0; i < alone->size(); ++i) CHECK(same((*slice)[i], (*alone)[i]));
    }
  }
  return "batched";
}

}  // namespace

TEST_CASE("answers of batches equal those of single requests, to the bit") {
  auto models = test::zoo_models();
  if (models.empty()) {
    std::printf("skipped: MODELCTL_ZOO names no folder of models\n");
    return;
  }
  for (const fs::path& folder : models) {
    test::Scratch scratch;
    test::FakeHost host;
    std::string outcome = judge(folder, host, scratch.path());
    std::printf("%-24s %s\n", folder.filename().c_str(), outcome.c_str());
  }
}
