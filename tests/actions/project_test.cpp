// The reader of modelctl.yaml, and that schema and reference page list exactly its keys.
#include "actions/project.hpp"

#include "base/files.hpp"
#include "base/json.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace modelctl;
using namespace modelctl::actions;

namespace {

const std::filesystem::path source = MODELCTL_SOURCE_DIR;

Result<Project> parse(std::string_view text) { return parse_project(text, "modelctl.yaml"); }

// "3:5: the key … is unknown (did you mean …?)" of each fault.
std::vector<std::string> faults(std::string_view text) {
  auto project = parse(text);
  if (project) return {"it was read"};
  CHECK(project.error().kind == Kind::bad_config);
  std::vector<Error> errors = project.error().faults;
  if (errors.empty()) errors.push_back(project.error());
  std::vector<std::string> lines;
  for (const Error& error : errors) {
    std::string line = error.where.substr(std::string("modelctl.yaml:").size()) + ": " + error.what;
    if (!error.why.empty()) line += ", " + error.why.front();
    if (!error.hint.empty()) line += " (" + error.hint + ")";
    lines.push_back(line);
  }
  return lines;
}
std::string fault(std::string_view text) {
  auto lines = faults(text);
  return lines.size() == 1 ? lines.front() : std::to_string(lines.size()) + " faults, first " + lines.front();
}

// The keys that a JSON Schema knows, spelled as project_keys() does.
void collect(const Json& schema, const std::string& path, std::vector<std::string>& keys) {
  if (schema.contains("items")) return collect(schema["items"], path + "[]", keys);
  if (!schema.contains("properties")) return;
  for (const auto& [key, value] : schema["properties"].items()) {
    keys.push_back(path.empty() ? key : path + "." + key);
    collect(value, std::string(keys.back()), keys);
  }
}

}  // namespace

TEST_CASE("the example's project is read whole") {
  auto file = source / "templates/projects/digits/modelctl.yaml";
  auto project = read_project(file);
  REQUIRE(project);
  CHECK(project->model == file.parent_path() / "digits.onnx");
  CHECK(project->package.name == "digits");
  CHECK(project->package.version == "1.0");
  REQUIRE(project->package.quality.size() == 1);
  CHECK(project->package.quality[0].value == 0.9944);
  REQUIRE(project->samples.size() == 1);
  const Project::Sample& sample = project->samples[0];
  CHECK(sample.inputs[0].first == "image");
  for (const auto& path : {project->model, sample.inputs[0].second, sample.outputs[0].second, sample.labels,
                           project->package.documents[0]}) {
    CHECK_MESSAGE(std::filesystem::exists(path), path.string());
  }
  CHECK(project->serve.max_body == 1u << 20);
}

TEST_CASE("every key of a project is read") {
  auto project = parse(R"(
model: a.onnx
artifact: build/a
bind: {batch: 4, "x/y": 0}
package:
  name: team/a
  version: 1.10
  description: "what it is"
  license: MIT OR Apache-2.0
  quality: [{metric: f1, value: 1e-1}]
  documents: [README.md, /abs/card.md]
  annotations: {owner: me}
samples:
- inputs: {x: x.npy, y: y.npy}
serve: {listen: ":80", tls_cert: c.pem, tls_key: k.pem, workers: 0, threads: 2, queue: 3, max_body: 2 KiB, max_memory: 1GiB, max_time: 2.5, read_timeout: 0.5, drain: 3}
)");
  REQUIRE(project);
  CHECK(project->bind == std::map<std::string, std::int64_t>{{"batch", 4}, {"x/y", 0}});
  CHECK(project->package.version == "1.10");
  CHECK(project->package.documents[1] == "/abs/card.md");
  CHECK(project->package.annotations.at("owner") == "me");
  CHECK(Project::Sample::arguments(project->samples[0].inputs) == std::vector<std::string>{"x=x.npy", "y=y.npy"});
  CHECK(project->serve.listen == ":80");
  CHECK(project->serve.tls_key == "k.pem");
  CHECK(project->serve.workers == 0);
  CHECK(project->serve.max_body == 2048);
  CHECK(project->serve.max_memory == 1ull << 30);
  CHECK(project->serve.max_time == 2.5);
  CHECK(project->serve.read_timeout == 0.5);
}

TEST_CASE("a project may leave everything out") {
  for (const char* text : {"", "# nothing\n", "{}", "model:\npackage:\nserve:\nsamples:\nbind:\n"}) {
    auto project = parse(text);
    REQUIRE_MESSAGE(project, text);
    CHECK(project->model.empty());
    CHECK(project->samples.empty());
    CHECK(project->package.quality.empty());
    CHECK(!project->serve.listen);
  }
}

TEST_CASE("an unknown key is refused with its line and the one that was meant") {
  CHECK(fault("modle: a.onnx") == "1:1: the key 'modle' is unknown (did you mean 'model'?)");
  CHECK(fault("package:\n  licens: MIT") == "2:3: the key 'package.licens' is unknown (did you mean 'license'?)");
  CHECK(fault("samples:\n- inputs: {x: y}\n  color: red") ==
        "3:3: the key 'samples[].color' is unknown (the keys here are: name, inputs, outputs, labels)");
}

TEST_CASE("the license may be given under its former key, but not under both") {
  auto project = parse("package: {licence: MIT}");
  REQUIRE(project);
  CHECK(project->package.license == "MIT");
  CHECK(fault("package:\n  license: MIT\n  licence: MIT") ==
        "3:12: cannot use 'package.licence': 'package.license' is given too");
  CHECK(fault("package:\n  licence: [MIT]") == "2:12: cannot use 'package.licence': it is not text");
}

TEST_CASE("every fault is reported at once") {
  CHECK(faults("model: [a]\nserve: {queue: -1, drain: soon}\n") ==
        std::vector<std::string>{"1:8: cannot use 'model': it is not text",
                                 "2:16: cannot use 'serve.queue': it is not a whole number from 0 to 1000000",
                                 "2:27: cannot use 'serve.drain': it is not a number of seconds"});
}

TEST_CASE("a value of the wrong kind is refused with its line") {
  CHECK(fault("bind: {}\nmodel: ''\n") == "2:8: cannot use 'model': it is not text");
  CHECK(fault("package: digits") == "1:10: cannot use 'package': it is not a mapping");
  CHECK(fault("samples: {}") == "1:10: cannot use 'samples': it is not a list");
  CHECK(fault("samples: [x]") == "1:11: cannot use 'samples[]': it is not a mapping");
  CHECK(fault("samples: [{name: x}]") == "1:11: cannot use 'samples[]': it has no 'inputs'");
  CHECK(fault("package: {quality: [{metric: f1}]}") == "1:21: cannot use 'package.quality[]': it has no 'value'");
  CHECK(fault("package: {quality: [{metric: f1, value: nan}]}") ==
        "1:41: cannot use 'package.quality[].value': it is not a number");
  CHECK(fault("package: {documents: [[a]]}") == "1:23: cannot use an entry of 'package.documents': it is not text");
  CHECK(fault("bind: {batch: 1.5}") == "1:15: cannot use 'bind.batch': it is not a whole number of 0 or more");
  CHECK(fault("bind: {batch: -1}") == "1:15: cannot use 'bind.batch': it is not a whole number of 0 or more");
  CHECK(fault("bind: [batch]") == "1:7: cannot use 'bind': it is not a mapping");
  CHECK(fault("serve: {max_body: 1 MB}") ==
        "1:19: cannot use 'serve.max_body': it is not a number of bytes, or of KiB, MiB or GiB");
  CHECK(fault("serve: {max_body: 99999999999 GiB}") ==
        "1:19: cannot use 'serve.max_body': it is not a number of bytes, or of KiB, MiB or GiB");
  CHECK(fault("target: z80").starts_with("1:9: cannot build for 'z80': this modelctl builds for "));
}

TEST_CASE("a duplicate key is refused, which YAML parsers accept") {
  CHECK(fault("model: a\nmodel: b\n") == "2:1: the key 'model' stands twice");
  CHECK(fault("bind: {a: 1, a: 2}") == "1:14: the key 'bind.a' stands twice");
}

TEST_CASE("a file that is not YAML, not a mapping, or has several documents is refused") {
  CHECK(fault("bind: {}\nmodel: a: b\n") == "2:9: cannot read 'modelctl.yaml', illegal map value");
  CHECK(fault("- model") == "1:1: a project is a mapping of keys to values");
  CHECK(fault("model: a\n---\nmodel: b\n") == "3:1: a project is one document, and a second one begins");
  CHECK(fault(std::string(2000, '[')).find("cannot read 'modelctl.yaml'") != std::string::npos);
}

TEST_CASE("a project that is not there is not found") {
  test::Scratch scratch;
  auto project = read_project(scratch / "modelctl.yaml");
  REQUIRE(!project);
  CHECK(project.error().kind == Kind::not_found);
}

TEST_CASE("the schema for editors and the reference page know the same keys as the reader") {
  auto text = read_text_file(source / "docs/reference/modelctl.schema.json");
  REQUIRE(text);
  auto schema = parse_json(*text, "modelctl.schema.json");
  REQUIRE(schema);
  auto settings = read_text_file(source / "docs/reference/serve-settings.schema.json");
  REQUIRE(settings);
  CHECK((*schema)["properties"]["serve"]["$ref"] == "serve-settings.schema.json");
  (*schema)["properties"]["serve"] = parse_json(*settings, "serve-settings.schema.json").value();
  std::vector<std::string> keys;
  collect(*schema, "", keys);
  std::sort(keys.begin(), keys.end());
  CHECK(keys == project_keys());

  for (const char* key : {"inputs", "outputs"})
    CHECK((*schema)["properties"][key]["$ref"] == "inputs-and-outputs.schema.json#/$defs/" + std::string(key));

  auto page = read_text_file(source / "docs/reference/modelctl-yaml.md");
  auto settings_page = read_text_file(source / "docs/reference/serve-settings.md");
  REQUIRE(page);
  REQUIRE(settings_page);
  *page += *settings_page;
  for (const std::string& key : keys) { CHECK_MESSAGE(page->find("| `" + key + "` |") != std::string::npos, key); }
}
