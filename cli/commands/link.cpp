// link: turns a model into one executable or shared library.
#include "actions/link.hpp"
#include "base/json.hpp"
#include "cli/command.hpp"
#include "cli/commands/model.hpp"
#include "cli/commands/output.hpp"

#include <fmt/core.h>
#include <CLI/Option.hpp>

namespace modelctl::cli {
namespace {

// Runtime and model apart, so that a user sees what a smaller model could save and what it could not.
void print(const actions::LinkReport& report, Printer& printer) {
  const link::Linked& sizes = report.sizes;
  if (printer.format() == Printer::Format::json) {
    return printer.json(canonical_json({{"file", report.output.string()},
                                        {"bytes", sizes.file_bytes},
                                        {"runtime", link::word(report.runtime)},
                                        {"runtime_bytes", sizes.template_bytes},
                                        {"artifact_bytes", sizes.artifact_bytes}}));
  }
  printer.line(fmt::format("linked '{}': {}, of which {} are the {} runtime and {} the model", report.output.string(),
                           human_bytes(sizes.file_bytes), human_bytes(sizes.template_bytes), link::word(report.runtime),
                           human_bytes(sizes.artifact_bytes)));
}

Run bind(Binder& binder) {
  auto request = std::make_shared<actions::LinkRequest>();
  CLI::App& app = binder.app;
  bind_model(binder, request->model);
  // Required also in a project: what is linked is for somebody else, and modelctl.yaml has no name for it.
  bind_output(binder, request->output, "File to write, or - for stdout")->required();
  // Both flags together are refused by the action and not here, where the error could not say why.
  app.add_flag("--shared", request->shared, "Create a shared library with the C interface of modelrt.h");
  app.add_flag("--serve", request->serve, "Create a program that can also serve over HTTP and HTTPS");
  return [request](CommandContext& context) -> Result<int> {
    auto report = TRY(actions::link(*request, context.host));
    if (!is_standard_output(report.output)) print(report, context.printer);
    return 0;
  };
}

constexpr CommandDef defs[] = {{"link", "Link a model into one executable or shared library", bind}};

}  // namespace
std::span<const CommandDef> link_command() { return defs; }
}  // namespace modelctl::cli
