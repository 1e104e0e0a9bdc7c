// A service with the smallest model there is, f32[n,2] -> twice the same, for targets that feed it requests.
#pragma once

#include "base/check.hpp"
#include "ops/run_table.hpp"
#include "serve/service.hpp"
#include "support/plans.hpp"

namespace modelctl::fuzz {

inline serve::Service& twice_service() {
  serve::Settings settings;
  settings.workers = 1;
  settings.max_body = 1 << 16;
  static serve::Service service(settings);
  test::PlanMaker maker;
  auto x = maker.input("x", DType::f32, {"n", 2});
  auto y = maker.like("y", x);
  maker.step("op::Add", {x, x}, {y});
  maker.output("y", y);
  auto artifact = maker.artifact();
  MODELCTL_CHECK(artifact.has_value(), "the tests' artifact cannot be opened");
  auto model = runtime::Model::load(std::move(*artifact), ops::run_table(), kernels::Cpu{});
  MODELCTL_CHECK(model.has_value(), "the tests' artifact cannot be loaded");
  MODELCTL_CHECK(service.registry.publish(service.prepare(*model, {"twice", "1", "", "", {}})), "it is not served");
  return service;
}

}  // namespace modelctl::fuzz
