// Selects the smallest runner that has all operators of the plan, including those of nested plans.
#include "actions/link.hpp"

#include "actions/output_names.hpp"
#include "artifact/integrity.hpp"
#include "ops/run_table.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::actions {
namespace {

// The first step of a plan, or of one nested in it, that needs an operator beyond the table; null if there is none.
// Kernels are in every runner; only the operators' reference implementations make the difference in size.
const artifact::Step* step_beyond(const artifact::Plan& plan, runtime::OpRunTable table) {
  auto known = [&](const artifact::Step& step) {
    return !step.routine.starts_with("op:") || std::any_of(table.begin(), table.end(), [&](const auto* op) {
      return step.routine == fmt::format("op:{}:{}", op->domain, op->name);
    });
  };
  auto beyond = std::find_if_not(plan.steps.begin(), plan.steps.end(), known);
  if (beyond != plan.steps.end()) return &*beyond;
  for (const artifact::Plan& body : plan.bodies) {
    if (const artifact::Step* nested = step_beyond(body, table)) return nested;
  }
  return nullptr;
}

// The runner for the artifact; the shared library only if it has all operators of the plan.
Result<link::Form> form_of(const LinkRequest& request, const artifact::Plan& plan) {
  if (request.serve) return link::Form::server;
  const artifact::Step* beyond = step_beyond(plan, ops::regular_run_table());
  if (!request.shared) {
    if (beyond != nullptr) return link::Form::full;
    return step_beyond(plan, ops::small_run_table()) == nullptr ? link::Form::small : link::Form::regular;
  }
  if (beyond == nullptr) return link::Form::shared;
  return Error(Kind::unsupported, "not-in-library",
               fmt::format("cannot link a shared library of '{}': it has no operator '{}'", request.model.shown(),
                           beyond->routine.substr(beyond->routine.rfind(':') + 1)))
      .at(beyond->label)
      .help("make a program: leave out --shared");
}

}  // namespace

Result<LinkReport> link(const LinkRequest& given, Host& host) {
  LinkRequest request = given;
  if (request.shared && request.serve) {
    return Error(Kind::usage, "bad-option", "cannot link a shared library that serves")
        .help("leave out --shared or --serve");
  }
  TRY(complete_source("link", request.model)).report(host.reporter);
  TRY(check_outputs("link", {{"-o", request.output, OutputKind::program}}, {{"the model", request.model.text}}));
  artifact::Artifact artifact = TRY(open_model(request.model, host)).artifact;
  // Waits for the whole digest before anything is written: an altered artifact is found here, by who has the original,
  // and not at the first start of the program.
  TRY(artifact.integrity->check());
  link::Form form = TRY(form_of(request, artifact.plan));
  auto linked = TRY(link::link(artifact, form, request.output));
  return LinkReport{request.output, form, std::move(linked)};
}

}  // namespace modelctl::actions
