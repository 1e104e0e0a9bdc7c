// Goes as far as a build without writing. After a fault the rest of the model is still checked node by node, so that
// the list of obstacles is complete.
#include "actions/check.hpp"

#include "actions/model_faults.hpp"
#include "actions/project_merge.hpp"
#include "actions/standard_input.hpp"
#include "actions/wrong_file.hpp"
#include "lower/lower.hpp"
#include "onnx/model.hpp"
#include "ops/schema/operator.hpp"
#include "passes/pipeline/pipeline.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl::actions {
namespace {

// Collects obstacles where a build would return the first one. There are three depths, each of which needs the one
// before: the bytes (parse), the nodes (normalize), the whole graph (pipeline and lowering). The first depth with a
// fault is the last one that is looked at, except for add_remaining_faults().
class Check {
 public:
  Check(const CheckRequest& request, const StopToken& stop) : request_(request), stop_(stop) {
    report_.model = request.model;
  }

  Result<CheckReport> run() {
    auto opened = MappedFile::open(request_.model);
    if (!opened) return name_kind(std::move(opened).error(), request_.model, kinds::Role::model);
    auto mapped = std::move(*opened);
    auto model = onnx::parse(mapped->bytes(), mapped, request_.model.string(), request_.model.parent_path());
    if (!model) {
      Error error = name_kind(std::move(model).error(), request_.model, kinds::Role::model);
      if (error.code == "no-onnx") return error;
      add(std::move(error));
      return std::move(report_);
    }
    // Counted before normalize(), which rewrites nodes to the newest opset and adds our own: the report shows the names
    // that the user's file has.
    report_.opsets = model->opsets;
    count_operators(*model->graph);
    graph_ = model->graph.get();
    if (auto normal = onnx::normalize(*model); !normal) {
      add(std::move(normal).error());
      add_remaining_faults(*graph_);
    } else {
      TRY(build());
    }
    return std::move(report_);
  }

 private:
  void count_operators(const graph::Graph& whole) {
    std::map<std::pair<std::string, std::string>, std::size_t> counts;
    for_each_graph(whole, [&](const graph::Graph& graph) {
      for (const auto& node : graph.nodes()) ++counts[{node->domain, node->op}];
    });
    for (const auto& [name, nodes] : counts) {
      bool known = ops::find(name.first, name.second) != nullptr && name.first != "modelctl";
      report_.operators.push_back({ops::qualified(name.first, name.second), nodes, known});
    }
  }

  // Fails only if it was interrupted: everything else is an obstacle.
  Result<void> build() {
    if (auto done = passes::run_pipeline(*graph_, {request_.level, request_.bindings, nullptr, &stop_}); !done) {
      if (done.error().kind == Kind::interrupted) return std::move(done).error();
      add(std::move(done).error());
      return {};
    }
    auto lowered = lower::lower(*graph_);
    if (!lowered) {
      add(std::move(lowered).error());
      return {};
    }
    report_.signature = lowered->plan.signature;
    report_.routines = lowered->routines;
    return {};
  }

  // Where the reading failed, what the nodes that are fine by themselves would still meet later. Types and shapes end
  // at those that are not.
  void add_remaining_faults(graph::Graph& graph) {
    for (const auto& node : graph.nodes()) {
      const ops::OpDef* def = ops::find(node->domain, node->op);
      Faults faults;
      if (def != nullptr && def->infer != nullptr) ops::check_schema(*node, *def, faults);
      if (def == nullptr || def->infer == nullptr || !faults.none()) continue;  // reported already
      for (const auto& [attribute, sub] : node->subgraphs) add_remaining_faults(*sub);
      if (auto inferred = ops::infer(*node); !inferred) add(std::move(inferred).error());
      else if (auto runs = lower::check_types(*node, *def); !runs) add(std::move(runs).error());
    }
  }

  // The same fault at several nodes is one obstacle with a count: an operator that is missing is usually missing at
  // every layer. The place that is shown is that of the first.
  void add(Error error) {
    error = in_model(std::move(error), {request_.model, graph_, request_.bindings});
    std::vector<Error> single = std::move(error.faults);
    if (single.empty()) single.push_back(std::move(error));
    for (Error& each : single) {
      auto same = std::find_if(report_.obstacles.begin(), report_.obstacles.end(), [&](const auto& obstacle) {
        return obstacle.error.code == each.code && obstacle.error.what == each.what;
      });
      if (same != report_.obstacles.end()) ++same->places;
      else report_.obstacles.push_back({std::move(each)});
    }
  }

  const CheckRequest& request_;
  const StopToken& stop_;
  CheckReport report_;
  graph::Graph* graph_ = nullptr;
};

}  // namespace

Result<CheckReport> check(const CheckRequest& given, Host& host) {
  CheckRequest request = given;
  auto input = TRY(take_standard_input(request.model));
  auto merge = TRY(ProjectMerge::of_model("check", request.model));
  request.model = merge.subject();
  merge.entries("bind", request.bindings, merge.project().bind);
  merge.report(host.reporter);
  CheckReport report = TRY(named(Check(request, host.stop).run(), input));
  if (input == nullptr) return report;
  report.model = StandardInput::name;
  for (CheckReport::Obstacle& obstacle : report.obstacles) obstacle.error = input->named(std::move(obstacle.error));
  return report;
}

}  // namespace modelctl::actions
