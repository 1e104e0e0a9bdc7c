// Every model of a folder of real models, MODELCTL_ZOO: each is built and run on its reference input, and either
// matches its reference output or is refused with what is missing. None may answer wrongly.
//
// MODELCTL_ZOO/<name>/ holds model.onnx, input_<i>.npy and output_<i>.npy, by position.
#include "actions/build.hpp"
#include "kernels/cpu.hpp"
#include "ops/operator.hpp"
#include "runtime/model.hpp"
#include "runtime/thread_pool.hpp"
#include "tensor/dispatch.hpp"
#include "tensor/formats/formats.hpp"

#include "support/hosts.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

using namespace modelctl;
namespace fs = std::filesystem;

namespace {

// The models that every release since the first must build and answer rightly.
constexpr std::string_view must_match[] = {"mnist-8",
                                           "mnist-bn",
                                           "super-resolution",
                                           "ultraface-320",
                                           "blazeface-128",
                                           "speech-embedding",
                                           "keyword-spotting-fp32",
                                           "linear-classifier",
                                           "xgboost-classifier",
                                           "lightgbm-as-tensors",
                                           "small-encoder",
                                           "t5-encoder",
                                           "bilstm-sentence-break",
                                           "silero-vad-16k"};

// mlsd-tiny amplifies rounding: two runs of one reference engine, with and without its optimisations, differ by 0.033
// where values reach 96. What is asked of it is a thousandth of that range.
double absolute_tolerance(std::string_view model, DType type) {
  return model == "mlsd-tiny" ? 0.096 : type == DType::f16 ? 1e-2 : 1e-4;
}

Result<Tensor> read_npy(const fs::path& path) {
  auto bytes = TRY(read_file(path));
  const formats::Format* format = TRY(formats::format_of(path.string()));
  std::string where = path.string();
  auto tensors = TRY(format->read({bytes, where, {}}));
  return std::move(tensors.at(0).tensor);
}

std::vector<Tensor> read_all(const fs::path& folder, const char* prefix) {
  std::vector<Tensor> all;
  for (int i = 0;; ++i) {
    fs::path path = folder / fmt::format("{}_{}.npy", prefix, i);
    if (!fs::exists(path)) return all;
    auto tensor = read_npy(path);
    REQUIRE_MESSAGE(tensor, path.string());
    all.push_back(std::move(*tensor));
  }
}

// |a-b| <= absolute + 1e-3 |b|; the largest excess of |a-b| over that is what is answered, 0 or less being a match.
double excess(const Tensor& got, const Tensor& want, double absolute) {
  double worst = -1;
  double relative = want.type() == DType::f16 ? 1e-2 : 1e-3;
  bool numeric = with_type<NumbersAndBool>(want.type(), [&]<class T>() {
    auto a = got.as<T>(), b = want.as<T>();
    for (std::size_t i = 0; i < a.size(); ++i) {
      double x, y;
      if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>)
        x = static_cast<float>(a[i]), y = static_cast<float>(b[i]);
      else x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
      if (std::isnan(x) && std::isnan(y)) continue;
      double over = is_float(want.type()) ? std::abs(x - y) - absolute - relative * std::abs(y) : (x == y ? -1 : 1);
      worst = std::max(worst, std::isnan(over) ? INFINITY : over);
    }
  });
  return numeric ? worst : same(got, want) ? -1 : INFINITY;
}

struct Outcome {
  enum { matches, refused, wrong } kind;
  std::string why;
};

Outcome try_model(const fs::path& folder, const fs::path& artifact, int level) {
  test::FakeHost host;
  actions::BuildRequest request;
  request.model = folder / "model.onnx";
  request.output = artifact;
  request.level = level;
  auto explain = [](const Error& error) {
    std::string text = error.what;
    for (const Error& fault : error.faults) text += "\n      " + fault.what;
    return text;
  };
  if (auto built = actions::build(request, host.host); !built) {
    return {built.error().kind == Kind::unsupported ? Outcome::refused : Outcome::wrong, explain(built.error())};
  }
  auto opened = artifact::open(artifact);
  REQUIRE(opened);
  auto model = runtime::Model::load(std::move(*opened), ops::run_table(), kernels::Cpu::detect());
  if (!model) return {Outcome::wrong, explain(model.error())};
  runtime::ThreadPool workers(2);
  runtime::Session session(*model, workers);
  std::vector<Tensor> inputs = read_all(folder, "input"), wanted = read_all(folder, "output");
  std::vector<TensorView> views;
  for (const Tensor& input : inputs) views.push_back(input.view());
  auto outputs = session.run(views);
  if (!outputs) return {Outcome::wrong, explain(outputs.error())};
  if (outputs->size() != wanted.size())
    return {Outcome::wrong, fmt::format("{} outputs and not {}", outputs->size(), wanted.size())};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Tensor &got = (*outputs)[i], &want = wanted[i];
    if (got.type() != want.type() || got.dims() != want.dims()) {
      return {Outcome::wrong, fmt::format("output {} is {} and not {}", i, describe(got.type(), got.dims()),
                                          describe(want.type(), want.dims()))};
    }
    if (double over = excess(got, want, absolute_tolerance(folder.filename().string(), want.type())); over > 0)
      return {Outcome::wrong, fmt::format("output {} is off by {} more than allowed", i, over)};
  }
  return {Outcome::matches, ""};
}

}  // namespace

TEST_CASE("every model of the zoo matches its reference or is refused with the reason") {
  const char* zoo = std::getenv("MODELCTL_ZOO");
  if (zoo == nullptr || !fs::is_directory(zoo)) {
    fmt::print("skipped: MODELCTL_ZOO names no folder of models\n");
    return;
  }
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(zoo)) {
    if (fs::exists(entry.path() / "model.onnx")) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  test::Scratch scratch;
  for (int level : {0, 2}) {
    fmt::print("at -O{}:\n", level);
    for (const fs::path& folder : folders) {
      std::string name = folder.filename().string();
      Outcome outcome = try_model(folder, scratch / (name + ".artifact"), level);
      const char* words[] = {"matches", "refused", "WRONG"};
      fmt::print("  {:24} {} {}\n", name, words[outcome.kind], outcome.why);
      CHECK_MESSAGE(outcome.kind != Outcome::wrong, name << " at -O" << level << ": " << outcome.why);
      bool required = std::count(std::begin(must_match), std::end(must_match), name) > 0;
      if (required) CHECK_MESSAGE(outcome.kind == Outcome::matches, name << " at -O" << level << ": " << outcome.why);
    }
  }
}
