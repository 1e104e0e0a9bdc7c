// How flags combine with modelctl.yaml, and what is left out for another model than the file describes.
#include "actions/project_merge.hpp"

#include "base/digest.hpp"
#include "support/hosts.hpp"
#include "support/plans.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::actions;

namespace {

// An artifact that records `model` as its source, and what else is given.
void write_artifact(const std::filesystem::path& path, std::string_view model,
                    std::map<std::string, std::string> metadata = {}) {
  test::PlanMaker maker;
  auto x = maker.input("x", DType::f32, {"n"});
  auto y = maker.like("y", x);
  maker.step("op::Add", {x, x}, {y});
  maker.output("y", y);
  metadata["source"] = Sha256::of(as_bytes(model)).text();
  maker.plan.metadata = std::move(metadata);
  REQUIRE(maker.writer.write(maker.plan, path));
}

// A project as the current folder, with its artifact and two others: "variant" of the same model, "other" of another.
struct Folder {
  Folder() {
    std::filesystem::current_path(scratch.path());
    REQUIRE(write_file("modelctl.yaml", as_bytes("model: m.onnx\nartifact: m.artifact\nbind: {batch: 1, size: 2}\n"
                                                 "package: {license: MIT, documents: [a.md, b.md]}\n")));
    REQUIRE(write_file("m.onnx", as_bytes("a model")));
    write_artifact("m.artifact", "a model", {{std::string(settings_key), settings()}});
    write_artifact("variant.artifact", "a model");
    write_artifact("other.artifact", "another model");
  }
  // The digest of what the file says now.
  static std::string settings() {
    auto digest = settings_digest(*read_project(project_file));
    REQUIRE(digest);
    return *digest;
  }
  ~Folder() { std::filesystem::current_path(before); }

  std::filesystem::path before = std::filesystem::current_path();
  test::Scratch scratch;
};

// The license that a command on `artifact` uses, and the warnings.
struct Used {
  std::string license;
  std::vector<Error> warnings;
};
Used license_for(const std::filesystem::path& artifact, std::string flag = "") {
  auto merge = ProjectMerge::of_artifact("pack", artifact);
  REQUIRE(merge);
  merge->value("package.license", flag, merge->project().package.license);
  test::FakeReporter reporter;
  merge->report(reporter);
  return {flag, reporter.warnings};
}

}  // namespace

TEST_CASE("a flag with one value takes precedence over the file") {
  Folder folder;
  CHECK(license_for({}).license == "MIT");
  CHECK(license_for({}, "BSD-3-Clause").license == "BSD-3-Clause");
}

TEST_CASE("a flag that may be repeated adds to a list or mapping, and replaces an entry of the same name") {
  Folder folder;
  auto merge = ProjectMerge::of_model("build", {});
  REQUIRE(merge);
  CHECK(merge->subject() == "m.onnx");
  std::map<std::string, std::int64_t> sizes{{"batch", 8}, {"width", 3}};
  merge->entries("bind", sizes, merge->project().bind);
  CHECK(sizes == std::map<std::string, std::int64_t>{{"batch", 8}, {"size", 2}, {"width", 3}});
  std::vector<std::filesystem::path> documents{"new/b.md", "c.md"};
  merge->entries("package.documents", documents, merge->project().package.documents,
                 [](const std::filesystem::path& path) { return path.filename(); });
  CHECK(documents == std::vector<std::filesystem::path>{"a.md", "new/b.md", "c.md"});
}

TEST_CASE("the file describes its artifact under any path, and every artifact that was built from its model") {
  Folder folder;
  for (const char* artifact : {"m.artifact", "./m.artifact", "variant.artifact"}) {
    Used used = license_for(artifact);
    CHECK_MESSAGE(used.license == "MIT", artifact);
    CHECK(used.warnings.empty());
  }
}

TEST_CASE("what the file states of its model is left out for another one, and each key is reported") {
  Folder folder;
  Used used = license_for("other.artifact");
  CHECK(used.license.empty());
  REQUIRE(used.warnings.size() == 1);
  CHECK(used.warnings[0].code == "other-model");
  CHECK(used.warnings[0].what == "left out of 'modelctl.yaml': package.license");
  CHECK(used.warnings[0].why ==
        std::vector<std::string>{"'other.artifact' is not the artifact that the file names, and is "
                                 "not known to be built from 'm.onnx'"});
  CHECK(license_for("nothing.artifact").warnings.empty());       // the command reports that
  CHECK(license_for("other.artifact", "MIT").warnings.empty());  // the flag would have taken precedence
}

// What the warning of a stale artifact says, empty if there is none.
std::string stale() {
  auto merge = ProjectMerge::of_artifact("pack", {});
  REQUIRE(merge);
  const auto& error = merge->stale();
  test::FakeReporter reporter;
  merge->report(reporter);
  CHECK(reporter.warnings.size() == (error ? 1 : 0));
  if (!error) return "";
  CHECK(error->code == "stale-artifact");
  return error->what;
}

TEST_CASE("an artifact is stale if the model is another one, whichever file is older") {
  Folder folder;
  CHECK(stale().empty());
  std::filesystem::last_write_time("m.onnx", std::filesystem::file_time_type::clock::now() + std::chrono::hours(1));
  CHECK(stale().empty());
  REQUIRE(write_file("m.onnx", as_bytes("another model")));
  std::filesystem::last_write_time("m.onnx", std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  CHECK(stale() == "'m.artifact' was not built from 'm.onnx' as it is now");
}

TEST_CASE("an artifact is stale if external data of the model changed, or is missing") {
  Folder folder;
  std::string weights = Sha256::of(as_bytes("weights")).text();
  write_artifact("m.artifact", "a model",
                 {{std::string(settings_key), Folder::settings()}, {"source.external.m.data", weights}});
  CHECK(stale() == "'m.artifact' was not built from 'm.data' as it is now");
  REQUIRE(write_file("m.data", as_bytes("weights")));
  CHECK(stale().empty());
  REQUIRE(write_file("m.data", as_bytes("Weights")));
  CHECK(stale() == "'m.artifact' was not built from 'm.data' as it is now");
}

TEST_CASE("an artifact is stale if the file states other sizes or outputs, and not if it states another license") {
  Folder folder;
  const std::string header = "model: m.onnx\nartifact: m.artifact\n";
  auto state = [&](const std::string& text) { REQUIRE(write_file("modelctl.yaml", as_bytes(header + text))); };
  state("bind: {size: 2, batch: 1}\npackage: {license: Apache-2.0}\n");
  CHECK(stale().empty());
  std::string changed = "'m.artifact' was not built from the settings of 'modelctl.yaml' as they are now";
  state("bind: {size: 2, batch: 2}\n");
  CHECK(stale() == changed);
  state("");
  CHECK(stale() == changed);
  state("bind: {size: 2, batch: 1}\noutputs: {y: {classes: {labels: l.txt}}}\n");
  REQUIRE(write_file("l.txt", as_bytes("cat\ndog\n")));
  CHECK(stale() == changed);
  write_artifact("m.artifact", "a model", {{std::string(settings_key), Folder::settings()}});
  CHECK(stale().empty());
  REQUIRE(write_file("l.txt", as_bytes("dog\ncat\n")));
  CHECK(stale() == changed);
  std::filesystem::remove("l.txt");
  CHECK(stale() == changed);
}

TEST_CASE("for a model in any form the file names the artifact, or the model if none was built yet") {
  Folder folder;
  CHECK(ProjectMerge::of_source("run", {})->subject() == "m.artifact");
  std::filesystem::remove("m.artifact");
  CHECK(ProjectMerge::of_source("run", {})->subject() == "m.onnx");
  CHECK(ProjectMerge::of_artifact("pack", {})->subject() == "m.artifact");
}

TEST_CASE("a model of the same content is the project's, and a reference is not") {
  Folder folder;
  REQUIRE(write_file("copy.onnx", as_bytes("a model")));
  REQUIRE(write_file("other.onnx", as_bytes("another model")));
  auto bound = [](const char* argument) {
    auto merge = ProjectMerge::of_source("run", argument);
    REQUIRE(merge);
    std::map<std::string, std::int64_t> sizes;
    merge->entries("bind", sizes, merge->project().bind);
    return !sizes.empty();
  };
  CHECK(bound("m.onnx"));
  CHECK(bound("copy.onnx"));
  CHECK(bound("variant.artifact"));
  CHECK(!bound("other.onnx"));
  CHECK(!bound("other.artifact"));
  CHECK(!bound("digits:1.0"));
}

TEST_CASE("a file that names no model applies to any, and without a file nothing is merged") {
  Folder folder;
  REQUIRE(write_file("modelctl.yaml", as_bytes("package: {license: MIT}\n")));
  CHECK(license_for("other.artifact").license == "MIT");
  std::filesystem::remove("modelctl.yaml");
  Used used = license_for("other.artifact");
  CHECK(used.license.empty());
  CHECK(used.warnings.empty());
}
