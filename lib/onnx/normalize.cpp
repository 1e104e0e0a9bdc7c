// Opset normalization: every operator is rewritten to the form of its newest opset, so that inference, passes and
// lowering see one form of each operator. A model that cannot be normalized fails with a list that names every missing
// operator, domain and opset once, with the first node that needs it.
//
// Theory. ONNX versions operators per domain: a model imports opset N, which means for each operator the newest version
// of at most N. Versions differ in attributes that became inputs (axes of Squeeze in opset 13), in defaults (axis of
// Softmax in 13), in names, and a few in meaning (broadcasting before 7). The project keeps one implementation per
// operator, of its newest version, and an `upgrade` function in the operator's definition that rewrites older forms
// *exactly*: if no node or group of nodes of the newest opset means the same, the upgrade fails rather than
// approximates. Opsets 1 to 6 differ from 7 in a few rules that hold across operators; before_opset_7.cpp applies those
// first, and upgrades then start from opset 7 at the oldest.
#include "onnx/model.hpp"

#include "base/files.hpp"
#include "base/suggest.hpp"
#include "onnx/before_opset_7.hpp"
#include "ops/schema/formals.hpp"
#include "ops/schema/operator.hpp"

#include <fmt/format.h>

#include <set>

namespace modelctl::onnx {
namespace {

using graph::Node;

std::string domain_name(const std::string& domain) {
  return domain.empty() ? "the default domain" : fmt::format("domain '{}'", domain);
}

class Normalizer {
 public:
  explicit Normalizer(Model& model) : model_(model) {}

  Result<void> run() {
    check_opsets();
    // Upgrades may insert nodes, which are already of the newest form: only the nodes of the file are visited.
    std::vector<Node*> nodes;
    for_each_graph(*model_.graph, [&](graph::Graph& graph) {
      for (const auto& node : graph.nodes()) nodes.push_back(node.get());
    });
    for (Node* node : nodes) visit(*node);
    report_missing();
    if (!faults_.none()) return std::move(faults_).sum(fmt::format("cannot compile '{}'", model_.file));
    open_inputs();
    TRY(model_.graph->sort());
    return verify(*model_.graph);
  }

 private:
  // An operator that is not implemented: the first node that uses it, and their number.
  struct Missing {
    std::string place;
    std::size_t nodes = 0;
  };

  // An initializer that callers may override becomes the default of an input of its name, type and shape.
  void open_inputs() {
    graph::Graph& graph = *model_.graph;
    for (const Overridable& each : model_.overridable) {
      graph::Value* constant = graph.find_value(each.name);
      graph.rename(constant, each.name + ".default");
      graph::Value* input = graph.add_input(each.name, constant->type);
      graph.inputs.pop_back();
      graph.inputs.insert(graph.inputs.begin() + static_cast<std::ptrdiff_t>(each.position), input);
      Node* first = graph.nodes().empty() ? nullptr : graph.nodes().front().get();
      Node* chosen = graph.add_node("modelctl", "Default", {input}, {each.name + ".given"}, first);
      chosen->name = each.name;
      chosen->output(0)->type = constant->type;
      graph.replace_uses(constant, chosen->output(0));
      chosen->set_input(1, constant);
    }
  }

  std::string where(const std::string& place) const { return fmt::format("{}: {}", model_.file, place); }

  // Each function imports its own opsets; nodes that were inlined from one share them.
  void check_opsets() {
    check_opsets(model_.opsets, "");
    std::set<const Opsets*> seen;
    for (const auto& [node, opsets] : model_.function_opsets) {
      if (seen.insert(opsets.get()).second) check_opsets(*opsets, fmt::format(": {}", node->place()));
    }
  }

  void check_opsets(const Opsets& opsets, const std::string& place) {
    auto check = [&](const std::string& domain, int oldest, int newest) {
      auto opset = opsets.find(domain);
      if (opset == opsets.end()) return;
      bool too_new = opset->second > newest;
      if (!too_new && opset->second >= oldest) return;
      faults_.add(Error(Kind::unsupported, too_new ? "opset-too-new" : "opset-too-old",
                        fmt::format("cannot compile opset {} of {}: this version supports {} to {}", opset->second,
                                    domain_name(domain), oldest, newest))
                      .at(model_.file + place)
                      .help(fmt::format("export the model with opset {}", newest)));
    };
    check("", oldest_opset, newest_opset);
    check("ai.onnx.ml", 1, newest_ml_opset);
  }

  // Normalizes one node: opset 7 first if it is older, then the operator's own upgrade, then the check against the
  // schema.
  void visit(Node& node) {
    const ops::OpDef* def = ops::find(node.domain, node.op);
    // The domain "modelctl" is internal: only passes create its operators, and a file must not smuggle them in.
    if (def == nullptr || node.domain == "modelctl") {
      Missing& missing = missing_[{node.domain, node.op}];
      if (missing.nodes++ == 0) missing.place = node.place();
      return;
    }
    std::optional<int> opset = model_.opset_of(node);
    if (!opset) {
      faults_.add(
          Error(Kind::bad_input, "no-opset",
                fmt::format("cannot use operator '{}': the model imports no opset of {}", node.op,
                            domain_name(node.domain)))
              .at(where(node.place()))
              .help(fmt::format("add '{}' to the model's opset_import, with the version that the exporter meant",
                                node.domain.empty() ? "ai.onnx" : node.domain)));
      return;
    }
    if (node.domain.empty() && node.op == "If") open_sizes(node);
    std::string place = node.place();
    if (node.domain.empty() && *opset < 7) {
      if (needs_rank(node)) infer_until(node);
      if (auto rewritten = to_opset_7(node, *opset); !rewritten) {
        add(std::move(rewritten).error(), place);
        return;
      }
    }
    // An upgrade may read the first input, so its presence is checked here; the schema checks the others afterwards.
    if (node.input(0) == nullptr && !def->inputs.empty() && requires_first_input(*def)) {
      return add(Error(Kind::bad_input, "missing-input",
                       fmt::format("cannot use {} without its input 0", ops::qualified(node.domain, node.op))),
                 place);
    }
    if (def->upgrade != nullptr && *opset < def->since) {
      if (auto upgraded = def->upgrade({node, std::max(*opset, 7)}); !upgraded) {
        add(std::move(upgraded).error(), place);
        return;
      }
      // An upgrade may have changed the node's operator (Upsample becomes Resize).
      def = ops::find(node.domain, node.op);
      if (def == nullptr) return;
    }
    if (def->infer == nullptr) {
      faults_.add(Error(Kind::bad_input, "unknown-operator",
                        fmt::format("cannot use operator '{}' of {}: opset {} no longer has it", node.op,
                                    domain_name(node.domain), *opset))
                      .at(where(node.place())));
      return;
    }
    Faults faults;
    ops::check_schema(node, *def, faults);
    if (faults.none()) return;
    Error all = std::move(faults).sum("");
    if (all.faults.empty()) return add(std::move(all), node.place());
    for (Error& fault : all.faults) add(std::move(fault), node.place());
  }

  // The sizes that a file declares for the outputs of an If may be those of one branch: the merged decoders of Hugging
  // Face return empty tensors from the other one, under the same names. Inference finds what the branches agree on.
  static void open_sizes(Node& node) {
    for (graph::Value* value : node.outputs()) {
      if (value == nullptr || !value->type.shape) continue;
      for (graph::Expr& size : *value->type.shape) {
        if (!size.constant()) size = node.graph().fresh_symbol();
      }
    }
  }

  static bool requires_first_input(const ops::OpDef& def) {
    std::string_view inputs = def.inputs;
    auto first = ops::take_formal(inputs);
    return first && !first->optional && !first->rest;
  }

  // Infers the types of the nodes before `node`, each once. They have been visited, so they are in their newest form.
  // Only opsets 1 to 6 need this: their broadcasting depends on ranks.
  void infer_until(const Node& node) {
    const auto& nodes = node.graph().nodes();
    auto& last = inferred_[&node.graph()];
    for (auto next = last ? std::next(*last) : nodes.begin(); next->get() != &node; ++next) {
      // The pipeline reports type errors later; here one only means that a rank stays unknown.
      (void)ops::infer(**next);
      last = next;
    }
  }

  void add(Error error, const std::string& place) {
    error.where = where(error.where.empty() ? place : error.where);
    faults_.add(std::move(error));
  }

  // One error per missing operator. The help depends on the likely cause: a model that another runtime has optimized, a
  // mistyped name, or an operator of the exporter's own.
  void report_missing() {
    for (const auto& [name, missing] : missing_) {
      const auto& [domain, op] = name;
      auto opset = model_.opsets.find(domain);
      std::string version = opset == model_.opsets.end() ? "no opset" : fmt::format("opset {}", opset->second);
      std::vector<std::string> same_domain;
      for (const ops::OpDef* def : ops::table()) {
        if (def->domain == domain && domain != "modelctl") same_domain.emplace_back(def->name);
      }
      bool known_domain = !same_domain.empty() || domain.empty() || domain == "ai.onnx.ml";
      Error error(Kind::unsupported, known_domain ? "unknown-operator" : "unknown-domain",
                  fmt::format("cannot compile operator '{}' of {}, {}: {} is not implemented", op, domain_name(domain),
                              version, known_domain ? "the operator" : "the domain"));
      error.where = where(missing.place);
      if (missing.nodes > 1) error.why.push_back(fmt::format("{} nodes use it", missing.nodes));
      error.hint = help_for(domain, op, same_domain);
      faults_.add(std::move(error));
    }
  }

  static std::string help_for(const std::string& domain, const std::string& op,
                              const std::vector<std::string>& others) {
    if (domain == "com.microsoft" || domain == "com.microsoft.nchwc") {
      return "if ONNX Runtime optimized the model, pass it as it was exported; else export it with other operators "
             "there";
    }
    std::string meant = nearest(op, others);
    if (!meant.empty()) return fmt::format("did you mean '{}'?", meant);
    if (domain.empty()) return "export the model with other operators for that part";
    return fmt::format("export the model without operators of domain '{}'", domain);
  }

  Model& model_;
  Faults faults_;
  std::map<std::pair<std::string, std::string>, Missing> missing_;
  std::map<const graph::Graph*, std::optional<std::list<std::unique_ptr<Node>>::const_iterator>>
      inferred_;  // the last one per graph
};

}  // namespace

std::optional<int> Model::opset_of(const graph::Node& node) const {
  if (auto own = function_opsets.find(&node); own != function_opsets.end()) {
    if (auto opset = own->second->find(node.domain); opset != own->second->end()) return opset->second;
  }
  auto opset = opsets.find(node.domain);
  return opset == opsets.end() ? std::nullopt : std::optional(opset->second);
}

Result<void> normalize(Model& model) { return Normalizer(model).run(); }

Result<std::unique_ptr<graph::Graph>> read(const std::filesystem::path& path) {
  auto mapped = TRY(MappedFile::open(path));
  Model model = TRY(parse(mapped->bytes(), mapped, path.string(), path.parent_path(), true));
  TRY(normalize(model));
  return std::move(model.graph);
}

}  // namespace modelctl::onnx
