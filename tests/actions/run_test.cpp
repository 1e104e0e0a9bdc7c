// The actions `run`, `bench` and `link`, and linked programs as users start them.
#include "actions/run.hpp"
#include "actions/bench.hpp"
#include "actions/inspect.hpp"
#include "actions/link.hpp"
#include "base/system_host.hpp"
#include "graph/text.hpp"
#include "lower/lower.hpp"
#include "ops/schema/operator.hpp"
#include "support/crash_points.hpp"
#include "support/hosts.hpp"
#include "support/plans.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using test::PlanMaker;
using test::Scratch;

namespace {

// x[n,3] + w -> relu -> y, as files in a scratch folder.
struct Example {
  Example() {
    PlanMaker maker;
    auto x = maker.input("x", DType::f32, {"n", 3});
    auto w = maker.constant("w", Tensor::of<float>(DType::f32, {3}, {-1, 0, 1}));
    auto sum = maker.like("sum", x), y = maker.like("y", x);
    maker.step("op::Add", {x, w}, {sum});
    maker.step("op::Relu", {sum}, {y}, {}, 0);
    maker.output("y", y);
    maker.plan.metadata = {{"model", "small"}};
    REQUIRE(maker.writer.write(maker.plan, artifact));
    REQUIRE(write_file(input, as_bytes("[[1, 2, 3], [-1, -2, -3]]")));
  }
  Scratch scratch;
  std::filesystem::path artifact = scratch / "small.artifact";
  std::filesystem::path input = scratch / "x.json";
  test::FakeHost host;
};

// A cache that grows by the rows of x, and their sum: what is left of a decoder.
struct Decoder {
  Decoder() {
    auto graph = graph::parse_text(R"(graph "g" {
  input x: f32[1,s,2]
  input past: f32[1,p,2]
  present: f32[1,p+s,2] = Concat(past, x) {axis: 1}
  doubled: f32[1,s,2] = Add(x, x)
  output present
  output doubled
})");
    REQUIRE_MESSAGE(graph, (graph ? "" : graph.error().what));
    for (const auto& node : (*graph)->nodes()) REQUIRE(ops::infer(*node));
    auto lowered = lower::lower(**graph);
    REQUIRE(lowered);
    REQUIRE(lowered->weights.write(lowered->plan, artifact));
    REQUIRE(write_file(scratch / "first.json", as_bytes("[[[1, 2], [3, 4]]]")));
    REQUIRE(write_file(scratch / "next.json", as_bytes("[[[5, 6]]]")));
  }
  Result<actions::RunReport> run(const char* input, const std::filesystem::path& output = {}) {
    return actions::run({artifact, {"x=" + (scratch / input).string()}, output, 1, state}, host.host);
  }
  Scratch scratch;
  std::filesystem::path artifact = scratch / "decoder.artifact", state = scratch / "talk.npz";
  test::FakeHost host;
};

// Runs a real program to its end.
ProcessResult executed(std::vector<std::string> command) {
  StopToken stop;
  auto result = SystemProcesses(stop).run(command, {});
  REQUIRE(result);
  return std::move(*result);
}

}  // namespace

TEST_CASE("run returns the outputs of an artifact") {
  Example example;
  auto report = actions::run({example.artifact, {example.input.string()}, {}, 1}, example.host.host);
  REQUIRE(report);
  CHECK(report->written.empty());
  REQUIRE(report->outputs.size() == 1);
  CHECK(report->outputs[0].name == "y");
  CHECK(same(report->outputs[0].tensor, Tensor::of<float>(DType::f32, {2, 3}, {0, 2, 4, 0, 0, 0})));
}

TEST_CASE("run writes the outputs into a folder, numbered in the model's order") {
  Example example;
  auto folder = example.scratch / "out";
  auto report = actions::run({example.artifact, {"x=" + example.input.string()}, folder, 1}, example.host.host);
  REQUIRE(report);
  CHECK(report->written == std::vector<std::filesystem::path>{folder / "output_0.npy"});
  CHECK(same(formats::load(folder / "output_0.npy").value().at(0).tensor, report->outputs[0].tensor));
}

TEST_CASE("run reads and writes files of types that NumPy has no names for, as NumPy writes them") {
  Example example;
  const auto files = std::filesystem::path(MODELCTL_SOURCE_DIR) / "tests/tensor/fixtures/ml_dtypes";
  for (auto [type, file] : {std::pair("i4", "int4.npy"),
                            {"u2", "uint2.npy"},
                            {"bf16", "bfloat16.npy"},
                            {"f8e4m3fn", "float8_e4m3fn.npy"},
                            {"f4e2m1", "float4_e2m1fn.npy"}}) {
    INFO(file);
    auto graph = graph::parse_text(std::string("graph \"g\" {\n  input x: ") + type + "[2,3]\n  y: " + type +
                                   "[2,3] = Identity(x)\n  output y\n}");
    REQUIRE_MESSAGE(graph, (graph ? "" : graph.error().what));
    auto lowered = lower::lower(**graph);
    REQUIRE(lowered);
    REQUIRE(lowered->weights.write(lowered->plan, example.artifact));
    auto out = example.scratch / "out.npy";
    auto report = actions::run({example.artifact, {(files / file).string()}, out, 1}, example.host.host);
    REQUIRE_MESSAGE(report, (report ? "" : report.error().what));
    CHECK(*read_file(out) == *read_file(files / file));
  }
}

TEST_CASE("run keeps states from one run to the next, where they begin empty") {
  Decoder decoder;
  auto first = decoder.run("first.json");
  REQUIRE(first);
  CHECK(first->states_kept == 1);
  REQUIRE(first->outputs.size() == 1);
  CHECK(first->outputs[0].name == "doubled");
  REQUIRE(decoder.run("next.json"));
  auto kept = formats::load(decoder.state);
  REQUIRE(kept);
  REQUIRE(kept->size() == 1);
  CHECK(kept->at(0).name == "past");
  CHECK(same(kept->at(0).tensor, Tensor::of<float>(DType::f32, {1, 3, 2}, {1, 2, 3, 4, 5, 6})));
}

TEST_CASE("a run whose outputs cannot be written leaves the states as they were") {
  Decoder decoder;
  REQUIRE(decoder.run("first.json"));
  auto before = read_file(decoder.state).value();
  REQUIRE(write_file(decoder.scratch / "file", as_bytes("not a folder")));
  auto failed = decoder.run("next.json", decoder.scratch / "file" / "doubled.npy");
  REQUIRE(!failed);
  CHECK(read_file(decoder.state).value() == before);
}

TEST_CASE("a run that is killed at any call has new states only if its outputs are complete") {
  Decoder decoder;
  REQUIRE(decoder.run("first.json"));
  auto before = read_file(decoder.state).value();
  auto output = decoder.scratch / "doubled.npy";
  int step = 0;
  for (auto outcome = test::Outcome::killed; outcome == test::Outcome::killed; ++step) {
    INFO("killed at call " << step);
    REQUIRE(write_file(decoder.state, before));
    std::filesystem::remove(output);
    outcome = test::run_until(step, true, [&] { return decoder.run("next.json", output).has_value(); });
    CHECK(outcome != test::Outcome::failed);
    if (read_file(decoder.state).value() != before || outcome == test::Outcome::succeeded) {
      auto written = formats::load(output);
      REQUIRE(written);
      CHECK(same(written->at(0).tensor, Tensor::of<float>(DType::f32, {1, 1, 2}, {10, 12})));
    }
  }
  CHECK(step > 6);
}

TEST_CASE("inspect reports which outputs continue which inputs") {
  Decoder decoder;
  auto report = actions::inspect({decoder.artifact}, decoder.host.host);
  REQUIRE(report);
  REQUIRE(report->states.size() == 1);
  CHECK(report->signature.inputs.at(report->states[0].input).name == "past");
  CHECK(report->signature.outputs.at(report->states[0].output).name == "present");
  CHECK(report->states[0].axis == 1);
  CHECK(report->states[0].grows);
}

TEST_CASE("run suggests --state if a state is not given, and accepts states as inputs like any others") {
  Decoder decoder;
  decoder.state.clear();
  auto missing = decoder.run("first.json");
  REQUIRE(!missing);
  CHECK(missing.error().what == "no file is given for the input 'past', f32[1,p,2]");
  CHECK(missing.error().hint == "add --input past=FILE, or let --state FILE.npz keep it from run to run");
  auto past = "past=" + (decoder.scratch / "next.json").string(), x = "x=" + (decoder.scratch / "first.json").string();
  auto report = actions::run({decoder.artifact, {x, past}, {}, 1}, decoder.host.host);
  REQUIRE(report);
  CHECK(report->outputs.size() == 2);
}

TEST_CASE("run refuses --state for a model without states, and for a file that cannot name them") {
  Example example;
  auto none = actions::run({example.artifact, {example.input.string()}, {}, 1, "talk.npz"}, example.host.host);
  REQUIRE(!none);
  CHECK(none.error().code == "no-state");
  Decoder decoder;
  decoder.state = "talk.npy";
  auto unnamed = decoder.run("first.json");
  REQUIRE(!unnamed);
  CHECK(unnamed.error().what == "cannot keep states in 'talk.npy': such a file holds one tensor without a name");
}

TEST_CASE("run refuses inputs that the model does not have or that do not fit") {
  Example example;
  auto failure = [&](std::string argument) {
    auto report = actions::run({example.artifact, {std::move(argument)}, {}, 1}, example.host.host);
    REQUIRE(!report);
    return std::move(report).error();
  };
  Error unknown = failure("y=" + example.input.string());
  CHECK(unknown.code == "unknown-input");
  CHECK(unknown.what == "cannot use 'y=" + example.input.string() + "': the model has no input 'y'");
  auto doubles = Tensor::of<double>(DType::f64, {2, 3}, {0.1, 0, 0, 0, 0, 0});
  formats::NamedTensor wrong{"x", doubles};
  REQUIRE(formats::save_outputs(example.scratch / "doubles.npy", {&wrong, 1}));
  CHECK(failure((example.scratch / "doubles.npy").string()).kind == Kind::bad_input);
}

TEST_CASE("bench measures as many runs as it was asked for, and each step") {
  Example example;
  SystemClock clock(example.host.stop);
  Host host{clock,
            example.host.environment,
            example.host.processes,
            example.host.reporter,
            example.host.random,
            example.host.stop};
  actions::BenchRequest request;
  request.model = example.artifact;
  request.sizes = {{"n", 5}};
  request.warm_up_seconds = 0;
  request.runs = 20;
  request.profile = true;
  auto report = actions::bench(request, host);
  REQUIRE(report);
  CHECK(report->inputs == std::vector<std::string>{"x f32[5,3]"});
  CHECK(report->runs == 20);
  CHECK(report->least <= report->p50);
  CHECK(report->p50 <= report->p99);
  CHECK(report->steps.size() == 2);
}

TEST_CASE("bench refuses to bind a size that no input has") {
  Example example;
  actions::BenchRequest request;
  request.model = example.artifact;
  request.sizes = {{"batch", 5}};
  auto report = actions::bench(request, example.host.host);
  REQUIRE(!report);
  CHECK(report.error().what == "cannot bind 'batch': no input has such a size");
}

TEST_CASE("a linked program shows its inputs and outputs and runs") {
  Example example;
  auto program = (example.scratch / "small").string();
  auto report = actions::link({example.artifact, program, false, false}, example.host.host);
  REQUIRE(report);
  auto help = executed({program, "--help"});
  CHECK(help.exit_code == 0);
  CHECK(help.out.find("runs 'small'") != std::string::npos);
  CHECK(help.out.find("inputs\n  x  f32[n,3]\n") != std::string::npos);
  CHECK(help.out.find("outputs\n  y  f32[?,3]\n") != std::string::npos);

  auto run = executed({program, "run", "--input", example.input.string()});
  CHECK(run.exit_code == 0);
  CHECK(run.out ==
        "output  type      values\n"
        "y       f32[2,3]  0.0 2.0 4.0 0.0 0.0 0.0\n");
  auto output = example.scratch / "y.csv";
  run = executed({program, "run", "--input", "x=" + example.input.string(), "-o", output.string(), "--threads=2"});
  CHECK(run.exit_code == 0);
  CHECK(run.out == "wrote " + output.string() + "\n");
  CHECK(read_text_file(output).value() == "0.0,2.0,4.0\n0.0,0.0,0.0\n");
}

// A model of one text operator, which the small runner does not have.
struct Rare {
  explicit Rare(std::string routine, DType type = DType::string, Attributes attributes = {}) {
    PlanMaker maker;
    auto x = maker.input("x", DType::string, {2});
    auto y = maker.computed("y", type, maker.sizes({2}));
    maker.step(std::move(routine), type == DType::string ? std::vector{x, x} : std::vector{x}, {y},
               std::move(attributes));
    maker.output("y", y);
    REQUIRE(maker.writer.write(maker.plan, artifact));
    REQUIRE(write_file(scratch / "x.json", as_bytes(R"(["aaa", "ab"])")));
  }
  static Rare matcher() { return Rare("op::RegexFullMatch", DType::boolean, {{"pattern", std::string("a+")}}); }
  Scratch scratch;
  std::filesystem::path artifact = scratch / "rare.artifact";
  test::FakeHost host;
};

TEST_CASE("a model is linked with the smallest runtime that has all of its operators") {
  auto linked = [](const std::filesystem::path& artifact, const std::filesystem::path& program, test::FakeHost& host) {
    auto report = actions::link({artifact, program, false, false}, host.host);
    REQUIRE(report);
    return report->runtime;
  };
  Example example;
  CHECK(linked(example.artifact, example.scratch / "small", example.host) == link::Form::small);

  Rare joined("op::StringConcat");
  auto program = joined.scratch / "joined";
  CHECK(linked(joined.artifact, program, joined.host) == link::Form::regular);
  auto run = executed({program, "run", "--input", joined.scratch / "x.json"});
  CHECK(run.err == "");
  CHECK(run.exit_code == 0);

  Rare matcher = Rare::matcher();
  program = matcher.scratch / "matcher";
  CHECK(linked(matcher.artifact, program, matcher.host) == link::Form::full);
  run = executed({program, "run", "--input", matcher.scratch / "x.json"});
  CHECK(run.err == "");
  CHECK(run.out ==
        "output  type     values\n"
        "y       bool[2]  true false\n");
}

TEST_CASE("link refuses a shared library of a model whose operators no library has") {
  Rare rare = Rare::matcher();
  auto report = actions::link({rare.artifact, rare.scratch / "librare.so", true, false}, rare.host.host);
  REQUIRE(!report);
  CHECK(report.error().code == "not-in-library");
  CHECK(report.error().what ==
        "cannot link a shared library of '" + rare.artifact.string() + "': it has no operator 'RegexFullMatch'");
  CHECK(report.error().hint == "make a program: leave out --shared");
}

TEST_CASE("a linked program reports errors as modelctl does") {
  Example example;
  auto program = (example.scratch / "small").string();
  REQUIRE(actions::link({example.artifact, program, false, false}, example.host.host));
  auto run = executed({program, "run"});
  CHECK(run.exit_code == 64);
  CHECK(run.err == "error[usage]: the option '--input' is missing\n   = help: see --help\n");
  run = executed({program, "walk"});
  CHECK(run.err == "error[usage]: unknown command 'walk'\n   = help: see --help\n");
  run = executed({program, "run", "--input", "missing.npy"});
  CHECK(run.exit_code == 66);
  run = executed({program, "run", "--input", "one.npy", "two.npy"});
  CHECK(run.err == "error[usage]: 'two.npy' is one argument too many\n   = help: see --help\n");
  run = executed({program, "run", "--input", "-o", "y.npy"});
  CHECK(run.err == "error[usage]: the option '--input' needs a value\n   = help: see --help\n");
  run = executed({program, "run", "-x", "y.npy"});
  CHECK(run.err == "error[usage]: unknown option '-x'\n   = help: see --help\n");
  run = executed({program, "run", "--o", "y.npy"});
  CHECK(run.err == "error[usage]: unknown option '--o'\n   = help: see --help\n");
}

TEST_CASE("--output of a linked program is the format of results and errors") {
  Example example;
  auto program = (example.scratch / "small").string(), input = example.input.string();
  REQUIRE(actions::link({example.artifact, program, false, false}, example.host.host));
  auto run = executed({program, "run", "--input", input, "--output", "json"});
  CHECK(run.exit_code == 0);
  CHECK(run.err == "");
  CHECK(run.out ==
        R"({"outputs":[{"data":[[0.0, 2.0, 4.0], [0.0, 0.0, 0.0]],"dims":[2,3],"name":"y","type":"f32"}],"written":[]})"
        "\n");
  auto file = (example.scratch / "y.npy").string();
  run = executed({program, "run", "--input", input, "--output=json", "-o", file});
  CHECK(run.out == R"({"outputs":[{"dims":[2,3],"name":"y","type":"f32"}],"written":[")" + file + "\"]}\n");
  run = executed({program, "run", "--input", input, "--output", "text"});
  CHECK(run.out.starts_with("output  type      values\n"));
  run = executed({program, "run", "--output", "json", "--input", "missing.npy"});
  CHECK(run.exit_code == 66);
  CHECK(run.err.starts_with(R"({"error":{"because":["No such file or directory"],"code":"no-such-file")"));
}

TEST_CASE("a linked program still takes the --output FILE of earlier versions, with a warning") {
  Example example;
  auto program = (example.scratch / "small").string(), input = example.input.string();
  REQUIRE(actions::link({example.artifact, program, false, false}, example.host.host));
  for (bool joined : {false, true}) {
    auto file = (example.scratch / "y.csv").string();
    std::vector<std::string> words{program, "run", "--input", input, "--output"};
    if (joined) words.back() += "=" + file;
    else words.push_back(file);
    auto run = executed(words);
    CHECK(run.exit_code == 0);
    CHECK(run.out == "wrote " + file + "\n");
    CHECK(run.err.starts_with("warning[former-option]: '--output' no longer names the file '" + file + "'\n"));
    CHECK(run.err.ends_with("   = help: write -o " + file + "\n"));
  }
}

TEST_CASE("a program linked with --serve serves over HTTP until it is stopped") {
  Example example;
  auto program = (example.scratch / "small").string();
  REQUIRE(actions::link({example.artifact, program, false, true}, example.host.host));
  // The shell starts it, waits until it is ready, asks, and stops it: its own exit code is what counts.
  auto log = (example.scratch / "log").string();
  auto session = executed({"sh", "-c",
                           "'" + program + "' serve --listen 127.0.0.1:0 --drain 0 2>'" + log +
                               "' & server=$!\n"
                               "for i in $(seq 200); do grep -q ^ready: '" +
                               log +
                               "' && break; sleep 0.05; done\n"
                               "url=$(sed -n 's/^listening on //p' '" +
                               log +
                               "')\n"
                               "curl -s -d '{\"instances\":[[1,2,3]]}' \"$url/predict\"\n"
                               "kill $server; wait $server; echo \" exit $?\""});
  CHECK(session.out == "{\"prediction\":[[0,2,4]]}\n exit 0\n");
}

TEST_CASE("link refuses an artifact whose weights were altered") {
  Example example;
  auto bytes = read_file(example.artifact).value();
  bytes.back() ^= std::byte{1};
  REQUIRE(write_file(example.artifact, bytes));
  auto report = actions::link({example.artifact, example.scratch / "small", false, false}, example.host.host);
  REQUIRE(!report);
  CHECK(report.error().code == "digest-mismatch");
  CHECK(!std::filesystem::exists(example.scratch / "small"));
}

TEST_CASE("a linked shared library is used from C") {
  Example example;
  auto library = example.scratch / "libmodelrt.so";  // the name that the C program was linked with
  REQUIRE(actions::link({example.artifact, library, true, false}, example.host.host));
  auto run =
      executed({"env", "LD_LIBRARY_PATH=" + example.scratch.path().string(), MODELRT_TEST, example.artifact.string()});
  CHECK(run.err == "");
  CHECK(run.out == "ok\n");
  // The loader then knows the library by a relative name.
  auto relative = executed({"env", "-C", example.scratch.path().string(), "LD_LIBRARY_PATH=.", MODELRT_TEST,
                            std::filesystem::absolute(example.artifact).string()});
  CHECK(relative.err == "");
  CHECK(relative.out == "ok\n");
}
