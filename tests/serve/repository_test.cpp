// How a version becomes ready, and what keeps it from it.
#include "serve/models/repository.hpp"

#include "serve/running.hpp"
#include "support/hosts.hpp"

using namespace modelctl;
using namespace modelctl::serve;
using test::PlanMaker;

namespace {

Result<void> broken(const runtime::Call&, runtime::Outputs&) { return Error(Kind::bug, "broken", "it never runs"); }
Result<void> picky(const runtime::Call&, runtime::Outputs&) { return Error(Kind::bad_input, "picky", "zeros are bad"); }
constexpr runtime::OpRun broken_row{"test", "Broken", broken}, picky_row{"test", "Picky", picky};
constexpr const runtime::OpRun* rows[] = {&broken_row, &picky_row};

OpenModel model_of(const std::string& routine) {
  return [routine]() -> Result<Loaded> {
    PlanMaker maker;
    auto x = maker.input("x", DType::f32, {2}), y = maker.like("y", x);
    maker.step(routine, {x}, {y});
    maker.output("y", y);
    return Loaded{TRY(runtime::Model::load(TRY(maker.artifact()), rows, kernels::Cpu{})), {}};
  };
}

}  // namespace

TEST_CASE("a model whose first prediction fails is not ready") {
  Service service;
  test::FakeReporter reporter;
  Repository repository(service, {model_of("op:test:Broken")}, reporter);
  auto loaded = repository.load_all();
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().code == "broken");
  CHECK_FALSE(service.ready());
}

TEST_CASE("a model that does not take zeros is ready all the same, without a warning") {
  Service service;
  test::FakeReporter reporter;
  Repository repository(service, {model_of("op:test:Picky")}, reporter);
  CHECK(repository.load_all());
  CHECK(reporter.warnings.empty());
  CHECK(service.ready());
}
