// Every real model of MODELCTL_ZOO becomes a project that builds and runs as it was written.
#include "actions/init.hpp"
#include "actions/build.hpp"
#include "actions/project.hpp"
#include "actions/run.hpp"
#include "zoo.hpp"

#include "support/hosts.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>
#include <fmt/core.h>

using namespace modelctl;
using namespace modelctl::actions;
namespace fs = std::filesystem;

TEST_CASE("every model of the zoo becomes a project that runs") {
  std::vector<fs::path> folders = test::zoo_models();
  if (folders.empty()) {
    fmt::print("skipped: MODELCTL_ZOO names no folder of models\n");
    return;
  }
  test::FakeHost fake;
  for (const fs::path& folder : folders) {
    CAPTURE(folder.string());
    test::Scratch scratch;
    auto made = init({.model = folder / "model.onnx", .folder = scratch / "p"}, fake.host);
    REQUIRE(made);
    auto project = read_project(scratch / "p/modelctl.yaml");
    REQUIRE(project);
    REQUIRE(build({.model = project->model, .output = project->artifact}, fake.host));
    auto ran = run({.model = project->artifact, .inputs = Project::Sample::arguments(project->samples.at(0).inputs)},
                   fake.host);
    CHECK_MESSAGE(ran, ran.error().what);
  }
}
