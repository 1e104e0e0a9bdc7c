// Everything is read by the checked readers, and nothing is run.
#include "actions/inspect.hpp"

#include "actions/named_package.hpp"
#include "actions/package_cache.hpp"
#include "actions/remote_context.hpp"
#include "actions/standard_input.hpp"
#include "actions/wrong_file.hpp"
#include "artifact/appended.hpp"
#include "lower/lower.hpp"
#include "onnx/model.hpp"
#include "ops/schema/operator.hpp"
#include "package/package.hpp"
#include "runtime/model.hpp"
#include "transport/reference.hpp"
#include "transport/transport.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

// The steps of a plan and of those nested in it, by routine; returns their number.
std::size_t count_steps(const artifact::Plan& plan, std::map<std::string, std::size_t>& counts) {
  std::size_t steps = plan.steps.size();
  for (const artifact::Step& step : plan.steps) ++counts[step.routine];
  for (const artifact::Plan& body : plan.bodies) steps += count_steps(body, counts);
  return steps;
}

std::vector<InspectReport::Count> ordered(const std::map<std::string, std::size_t>& counts) {
  std::vector<InspectReport::Count> list;
  for (const auto& [name, count] : counts) list.push_back({name, count});
  std::stable_sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
  return list;
}

// What is known only of a loaded plan: which outputs continue which inputs, and the memory of a run. Skipped if the
// plan needs routines that this build does not have.
void add_loaded(InspectReport& report, artifact::Artifact artifact) {
  std::vector<Dims> dims;
  for (const artifact::Port& port : artifact.plan.signature.inputs) {
    Dims& sizes = dims.emplace_back();
    for (const artifact::PortDim& dim : port.dims) sizes.push_back(dim.size < 0 ? 1 : dim.size);
  }
  auto model = runtime::Model::load(std::move(artifact), ops::run_table(), kernels::Cpu::detect());
  if (!model) return;
  for (const runtime::StatePort& state : (*model)->states()) {
    const artifact::PortDim &before = report.signature.inputs[state.input].dims[state.axis],
                            &after = report.signature.outputs[state.output].dims[state.axis];
    bool grows = before.size != after.size || before.symbol != after.symbol;
    report.states.push_back({state.input, state.output, state.axis, grows});
  }
  auto need = runtime::memory_need(**model, dims);
  if (need) report.run_bytes = need->arena_bytes + need->output_bytes;
}

void add_artifact(InspectReport& report, artifact::Artifact artifact) {
  const artifact::Plan& plan = artifact.plan;
  report.signature = plan.signature;
  report.metadata.insert(plan.metadata.begin(), plan.metadata.end());
  // What is part of the signature is shown there.
  auto meanings = [&](const std::vector<artifact::Port>& ports, artifact::Side side) {
    std::vector<artifact::Meaning> all;
    for (const artifact::Port& port : ports) {
      all.push_back(artifact::meaning_of(plan.metadata, side, port.name));
      report.metadata.erase(artifact::meaning_key(side, port.name));
    }
    return all;
  };
  report.inputs = meanings(plan.signature.inputs, artifact::Side::input);
  report.outputs = meanings(plan.signature.outputs, artifact::Side::output);
  report.weight_bytes = artifact.weights.size();
  std::map<std::string, std::size_t> counts;
  report.steps = count_steps(plan, counts);
  report.counts = ordered(counts);
  add_loaded(report, std::move(artifact));
}

Result<void> add_model(InspectReport& report, const fs::path& path) {
  auto graph = TRY(onnx::read(path));
  for (const graph::Value* input : graph->inputs)
    report.signature.inputs.push_back(lower::port(input->name, input->type));
  for (std::size_t i = 0; i < graph->outputs().size(); ++i) {
    report.signature.outputs.push_back(lower::port(graph->output_names()[i], graph->outputs()[i]->type));
  }
  report.metadata = graph->metadata;
  std::map<std::string, std::size_t> counts;
  graph::for_each_graph(*graph, [&](const graph::Graph& each) {
    for (const auto& node : each.nodes()) ++counts[ops::qualified(node->domain, node->op)], ++report.steps;
    for (const graph::Value* value : each.values()) {
      if (!value->is_constant()) continue;
      report.weight_bytes += byte_size(value->constant.type(), value->constant.dims()).value_or(0);
    }
  });
  report.counts = ordered(counts);
  return {};
}

std::vector<artifact::Port> ports(const std::vector<package::TensorSignature>& tensors) {
  std::vector<artifact::Port> list;
  for (const package::TensorSignature& tensor : tensors) {
    artifact::Port& port = list.emplace_back();
    port.name = tensor.name;
    port.type = dtype_from_name(tensor.type).value_or(DType::undefined);
    for (const package::Dimension& dim : tensor.shape) {
      bool symbolic = !dim.symbol.empty();
      port.dims.push_back({symbolic ? -1 : static_cast<std::int64_t>(dim.size), dim.symbol});
    }
  }
  return list;
}

// What the manifest states. Nobody vouches for it unless the user named whom to trust.
Result<package::Manifest> add_manifest(InspectReport& report, std::string_view text, std::string_view bundle,
                                       const ModelSource& source, Host& host) {
  package::Manifest manifest;
  if (auto trust = TRY(configured_trust(source.trust, host.environment))) {
    auto opened = TRY(package::open_signed(text, bundle, *trust));
    report.metadata["signature"] = "by " + opened.signer.name;
    manifest = std::move(opened.manifest);
  } else {
    report.metadata["signature"] = "not checked";
    manifest = TRY(package::Manifest::read(text));
  }
  report.metadata["name"] = manifest.name;
  report.metadata["version"] = manifest.version;
  report.metadata["digest"] = Sha256::of(as_bytes(text)).text();
  if (!manifest.license.empty()) report.metadata["license"] = manifest.license;
  if (!manifest.description.empty()) report.metadata["description"] = manifest.description;
  for (const package::Entry& entry : manifest.entries) {
    report.files.push_back({entry.path, std::string(package::name(entry.role)), entry.size});
    if (entry.role == package::Role::weights) report.weight_bytes += entry.size;
  }
  report.signature = {ports(manifest.inputs), ports(manifest.outputs)};
  return manifest;
}

// An archive's size is that of the file. A folder has no such number, so the entries' sizes are added up.
Result<void> add_package(InspectReport& report, const fs::path& path, const ModelSource& source, Host& host) {
  auto package = std::make_shared<const package::Package>(TRY(package::Package::open(path)));
  auto manifest = TRY(add_manifest(report, package->manifest_text(), package->bundle_text(), source, host));
  if (package->is_folder()) report.bytes = manifest.payload_size();
  const package::Entry* plan = package->first(package::Role::plan);
  const package::Entry* weights = package->first(package::Role::weights);
  if (plan == nullptr || weights == nullptr) return {};
  add_artifact(report, TRY(artifact::open(TRY(package->content(plan->path)), TRY(package->content(weights->path)),
                                          package, plan->path)));
  return {};
}

// Reads the two documents of a package where it is, and nothing else; of one that is in the cache, as of any package.
Result<void> add_reference(InspectReport& report, const ModelSource& source, Host& host) {
  if (auto folder = TRY(pulled_before(source.text, host.environment)))
    return add_package(report, *folder, source, host);
  const transport::TransportDef* def = TRY(transport::transport_of(source.text));
  transport::Context context = context_of(source.remote, host);
  auto reader = TRY(def->open_reader(source.text, context));
  transport::Documents documents = TRY(reader->documents());
  auto manifest = TRY_BECAUSE(add_manifest(report, documents.manifest, documents.bundle, source, host),
                              fmt::format("inspecting '{}' where it is", transport::shown(source.text)));
  report.bytes = manifest.payload_size();
  return check_name(*def, source.text, manifest, source.any_name, host.reporter);
}

Result<void> add_file(InspectReport& report, const ModelSource& source, Host& host) {
  fs::path path = source.text;
  std::error_code code;
  if (fs::is_regular_file(path, code)) report.bytes = fs::file_size(path, code);
  switch (role_of(path)) {
    case kinds::Role::artifact:
      report.kind = "artifact";
      add_artifact(report, TRY(artifact::open(path)));
      return {};
    case kinds::Role::package: return add_package(report, path, source, host);
    case kinds::Role::program:
      report.kind = "program";
      add_artifact(report, TRY(artifact::open_appended(path, source.text)));
      return {};
    default: break;
  }
  report.kind = "model";
  if (auto added = add_model(report, path); !added) {
    return name_kind(std::move(added).error(), path, kinds::Role::model);
  }
  return {};
}

}  // namespace

Result<InspectReport> inspect(const InspectRequest& request, Host& host) {
  ModelSource source = request.model;
  fs::path given = source.text;
  source.kept = TRY(take_standard_input(given));
  auto merge = TRY(ProjectMerge::of_source("inspect", given));
  merge.report(host.reporter);
  source.text = merge.subject().string();
  InspectReport report;
  report.kind = "package";
  if (is_reference(source.text)) TRY(add_reference(report, source, host));
  else TRY(named(add_file(report, source, host), source.kept));
  return report;
}

}  // namespace modelctl::actions
