// The project of a user's model works as it was written, whatever the model's inputs are.
#include "actions/build.hpp"
#include "actions/init.hpp"
#include "actions/project.hpp"
#include "actions/run.hpp"
#include "base/files.hpp"
#include "graph/text.hpp"
#include "onnx/writer.hpp"
#include "package/manifest.hpp"
#include "support/hosts.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <regex>

using namespace modelctl;
using namespace modelctl::actions;
namespace fs = std::filesystem;

namespace {

const fs::path exported = fs::path(MODELCTL_SOURCE_DIR) / "tests/models/exported";

// A model file of a graph's text; each with its own metadata.
void write_model(const fs::path& path, std::string_view text) {
  auto graph = graph::parse_text(text);
  if (!graph) FAIL(graph.error().where, ": ", graph.error().what);
  std::string bytes = onnx::write(**graph, {.opsets = {{"", 21}}});
  REQUIRE(write_file(path, as_bytes(bytes)));
}

InitReport must_init(const InitRequest& request) {
  test::FakeHost fake;
  auto report = init(request, fake.host);
  if (!report) FAIL(report.error().where, ": ", report.error().what);
  return *report;
}

// What `modelctl build` and `modelctl run` do in the folder.
std::vector<formats::NamedTensor> must_run(const fs::path& folder) {
  test::FakeHost fake;
  auto project = read_project(folder / "modelctl.yaml");
  REQUIRE_MESSAGE(project, project.error().what);
  auto built = build({.model = project->model, .output = project->artifact}, fake.host);
  REQUIRE_MESSAGE(built, built.error().what);
  RunRequest request{.model = project->artifact};
  if (!project->samples.empty()) request.inputs = Project::Sample::arguments(project->samples[0].inputs);
  auto ran = run(request, fake.host);
  REQUIRE_MESSAGE(ran, ran.error().what);
  return ran->outputs;
}

// With every suggested setting in use.
std::string all_settings(const std::string& text) {
  static const std::regex suggestion("(^|\n)( *)# ( *(- )?[a-z_]+:( [^\n]*)?(?=\n))");
  return std::regex_replace(std::regex_replace(text, suggestion, "$1$2$3"), suggestion, "$1$2$3");
}

bool has(const InitReport& report, std::string_view path) {
  return std::ranges::any_of(report.files, [&](const WrittenFile& file) { return file.path == path; });
}

}  // namespace

TEST_CASE("a model with two inputs and open sizes becomes a project that runs") {
  test::Scratch scratch;
  write_model(scratch / "Sum of Two.onnx", R"(graph "g" {
    input a: f32[batch,3]
    input b: f32[batch,1]
    y = Add(a, b)
    output y
  })");
  auto report = must_init({.model = scratch / "Sum of Two.onnx", .folder = scratch / "sum"});
  for (const char* path : {"modelctl.yaml", "README.md", ".gitignore", ".github/workflows/model.yml",
                           ".github/actions/modelctl/action.yml", "samples/README.md", "samples/a.npy", "samples/b.npy",
                           "Sum of Two.onnx"}) {
    CAPTURE(path);
    CHECK(has(report, path));
  }
  for (const WrittenFile& file : report.files) CHECK(fs::file_size(scratch / "sum" / file.path) == file.size);
  auto outputs = must_run(scratch / "sum");
  CHECK(outputs.at(0).tensor.dims() == Dims{1, 3});
  auto project = read_project(scratch / "sum/modelctl.yaml");
  CHECK(project->package.name == "sum-of-two");
  CHECK(project->package.version == "0.1.0");
}

TEST_CASE("no placeholder is left in any file") {
  test::Scratch scratch;
  write_model(scratch / "m.onnx", "graph \"g\" {\n  input a: f32[n]\n  y = Neg(a)\n  output y\n}");
  auto report = must_init({.model = scratch / "m.onnx", .folder = scratch / "p"});
  for (const WrittenFile& file : report.files) {
    CAPTURE(file.path);
    auto text = read_text_file(scratch / "p" / file.path);
    REQUIRE(text);
    CHECK(!std::regex_search(*text, std::regex("@[a-z_]+@")));
  }
}

TEST_CASE("every setting that modelctl.yaml suggests is one that it can have") {
  test::Scratch scratch;
  write_model(scratch / "m.onnx",
              "graph \"g\" {\n  input image: f32[batch,width]\n  scores = Neg(image)\n  output scores\n}");
  must_init({.model = scratch / "m.onnx", .folder = scratch / "p"});
  auto text = read_text_file(scratch / "p/modelctl.yaml");
  REQUIRE(text);
  std::string all = all_settings(*text);
  auto project = parse_project(all, scratch / "p/modelctl.yaml");
  REQUIRE_MESSAGE(project, project.error().what);
  CHECK(project->bind == std::map<std::string, std::int64_t>{{"batch", 1}, {"width", 1}});
  CHECK(project->samples.at(0).outputs.size() == 1);
  // None is missing: every key of the reader stands in the file.
  for (const std::string& key : project_keys()) {
    CAPTURE(key);
    std::string last = key.substr(key.rfind('.') + 1);
    CHECK(std::regex_search(all, std::regex("(^|\n|- ) *(- )?" + last + ":")));
  }
}

TEST_CASE("inputs of every type get a placeholder that the model takes") {
  test::Scratch scratch;
  write_model(scratch / "types.onnx", R"(graph "g" {
    input text: string[n]
    input half: f16[2]
    input brain: bf16[2,k]
    input nibbles: i4[3]
    input unsigned_nibbles: u4[3]
    input flag: bool[]
    input "attention_mask": i64[n]
    input complex: c64[n]
    a = Identity(text)
    b = Identity(half)
    c = Identity(brain)
    d = Identity(nibbles)
    e = Identity(unsigned_nibbles)
    f = Identity(flag)
    g = Identity("attention_mask")
    h = Identity(complex)
    output a
    output b
    output c
    output d
    output e
    output f
    output g
    output h
  })");
  must_init({.model = scratch / "types.onnx", .folder = scratch / "p"});
  auto outputs = must_run(scratch / "p");
  REQUIRE(outputs.size() == 8);
  CHECK(outputs[0].tensor.as<std::string>()[0] == "text");
  CHECK(outputs[2].tensor.type() == DType::bf16);
  CHECK(outputs[6].tensor.as<std::int64_t>()[0] == 1);
  CHECK(fs::exists(scratch / "p/samples/text.json"));
  CHECK(fs::exists(scratch / "p/samples/brain.npy"));
}

TEST_CASE("open sizes are large enough for the model to run") {
  test::Scratch scratch;
  // The window does not fit a width of 1.
  write_model(scratch / "window.onnx", R"(graph "g" {
    input sound: f32[batch,1,samples]
    const w: f32[1,1,5] = [1, 1, 1, 1, 1]
    y = Conv(sound, w)
    output y
  })");
  must_init({.model = scratch / "window.onnx", .folder = scratch / "p"});
  CHECK(must_run(scratch / "p").at(0).tensor.dims() == Dims{1, 1, 28});
}

TEST_CASE("a model that runs on no placeholder gets a project and a warning") {
  test::Scratch scratch;
  test::FakeHost fake;
  write_model(scratch / "seven.onnx", R"(graph "g" {
    input x: f32[n]
    const shape: i64[1] = [7]
    y = Reshape(x, shape)
    output y
  })");
  auto report = init({.model = scratch / "seven.onnx", .folder = scratch / "p"}, fake.host);
  REQUIRE_MESSAGE(report, report.error().what);
  REQUIRE(fake.reporter.warnings.size() == 1);
  CHECK(fake.reporter.warnings[0].code == "placeholder-does-not-run");
  CHECK(fs::exists(scratch / "p/samples/x.npy"));
}

TEST_CASE("an input that no file can hold leaves the project without a sample, and says so") {
  test::Scratch scratch;
  write_model(scratch / "list.onnx", R"(graph "g" {
    input list: sequence<f32[?]>
    n = SequenceLength(list)
    output n
  })");
  auto report = must_init({.model = scratch / "list.onnx", .folder = scratch / "p"});
  auto project = read_project(scratch / "p/modelctl.yaml");
  REQUIRE(project);
  CHECK(project->samples.empty());
  CHECK(read_text_file(scratch / "p/samples/README.md")->find("No placeholder") != std::string::npos);
  CHECK(std::ranges::find(report.next, "modelctl run") == report.next.end());
  CHECK(std::ranges::find(report.next, "modelctl serve") == report.next.end());
}

TEST_CASE("a model without inputs runs, too") {
  test::Scratch scratch;
  write_model(scratch / "c.onnx", "graph \"g\" {\n  const w: f32[1] = [2.0]\n  y = Neg(w)\n  output y\n}");
  must_init({.model = scratch / "c.onnx", .folder = scratch / "p"});
  CHECK(must_run(scratch / "p").at(0).tensor.as<float>()[0] == -2);
}

TEST_CASE("names that mean something in YAML, Markdown or file systems do no harm") {
  test::Scratch scratch;
  write_model(scratch / "names.onnx", R"(graph "g" {
    input "a: [b] # c": f32["n: 1"]
    input "../../x": f32["n: 1"]
    input "A/X": f32["n: 1"]
    input "a|x": f32["n: 1"]
    input "con": f32["n: 1"]
    y = Sum("a: [b] # c", "../../x", "A/X", "a|x", "con")
    output y = "- @inputs@ | \n y"
  })");
  auto report = must_init({.model = scratch / "names.onnx", .folder = scratch / "p"});
  must_run(scratch / "p");
  for (const WrittenFile& file : report.files) {
    CAPTURE(file.path);
    CHECK(package::check_path(file.path));
  }
}

TEST_CASE("external data is copied with the model") {
  test::Scratch scratch;
  auto report = must_init({.model = exported / "external.onnx", .folder = scratch / "p"});
  CHECK(has(report, "external.onnx.data"));
  CHECK(*read_file(scratch / "p/external.onnx.data") == *read_file(exported / "external.onnx.data"));
  must_run(scratch / "p");
}

TEST_CASE("with link, the model and its data stay where they are") {
  test::Scratch scratch;
  fs::create_directory(scratch / "models");
  for (const char* name : {"external.onnx", "external.onnx.data"})
    fs::copy_file(exported / name, scratch / "models" / name);
  auto report = must_init({.model = scratch / "models/external.onnx", .folder = scratch / "p", .link = true});
  CHECK(!has(report, "external.onnx"));
  CHECK(read_text_file(scratch / "p/modelctl.yaml")->find("\nmodel: ../models/external.onnx\n") != std::string::npos);
  must_run(scratch / "p");
}

TEST_CASE("a model that lies in the project's folder is not copied") {
  test::Scratch scratch;
  fs::path before = fs::current_path();
  fs::create_directory(scratch / "nested");
  for (const char* name : {"external.onnx", "external.onnx.data"})
    fs::copy_file(exported / name, scratch / "nested" / name);
  fs::current_path(scratch.path());
  auto report = must_init({.model = "nested/external.onnx", .folder = "."});
  CHECK(!has(report, "external.onnx"));
  CHECK(report.next.front() == "modelctl build");
  CHECK(read_project("modelctl.yaml")->model == "nested/external.onnx");
  must_run(".");
  // The same command again finds everything in place.
  CHECK(must_init({.model = "nested/external.onnx", .folder = "."}).files.empty());
  fs::current_path(before);
}

TEST_CASE("what the model documents becomes its description") {
  test::Scratch scratch;
  // ModelProto.doc_string is field 6, wire type 2.
  write_model(scratch / "m.onnx", "graph \"g\" {\n  input a: f32[n]\n  y = Neg(a)\n  output y\n}");
  std::string bytes = *read_text_file(scratch / "m.onnx") + "\x32\x14Reads \"digits\":\n all";
  REQUIRE(write_file(scratch / "m.onnx", as_bytes(bytes)));
  must_init({.model = scratch / "m.onnx", .folder = scratch / "p"});
  CHECK(read_project(scratch / "p/modelctl.yaml")->package.description == "Reads \"digits\": all");
  CHECK(read_text_file(scratch / "p/README.md")->find("\nReads \"digits\": all\n") != std::string::npos);
}

TEST_CASE("what is not an ONNX model gets no project, and is named") {
  test::Scratch scratch;
  test::FakeHost fake;
  REQUIRE(write_file(scratch / "weights.safetensors", as_bytes(std::string("\x08\0\0\0\0\0\0\0{}      ", 16))));
  auto report = init({.model = scratch / "weights.safetensors", .folder = scratch / "p"}, fake.host);
  REQUIRE(!report);
  CHECK(report.error().code == "no-onnx");
  CHECK(!fs::exists(scratch / "p"));
}

TEST_CASE("a model that cannot be built gets no project") {
  test::Scratch scratch;
  test::FakeHost fake;
  write_model(scratch / "m.onnx", "graph \"g\" {\n  input a: f32[n]\n  y = Frobnicate(a)\n  output y\n}");
  auto report = init({.model = scratch / "m.onnx", .folder = scratch / "p"}, fake.host);
  REQUIRE(!report);
  CHECK(report.error().kind == Kind::unsupported);
  CHECK(!fs::exists(scratch / "p"));
}
