// The members are those of the protocol and of Triton's extensions of it (kserve.github.io, "Open Inference Protocol
// (V2)"; Triton's protocol documents).
#include "serve/formats/v2_documents.hpp"

#include "serve/formats/json_writer.hpp"
#include "tensor/json/tensor.hpp"

#include <fmt/ranges.h>

namespace modelctl::serve {
namespace {

std::vector<std::int64_t> sizes(const artifact::Port& port) {
  std::vector<std::int64_t> sizes;
  for (const artifact::PortDim& dim : port.dims) sizes.push_back(dim.size);
  return sizes;
}

void append_parameter(JsonWriter& out, ParameterForm form, std::string_view key, std::string_view value) {
  out.string(key).raw(form == ParameterForm::text ? ":" : ":{\"string_param\":").string(value);
  if (form == ParameterForm::message) out.raw("}");
}

void append_ports(JsonWriter& out, const std::vector<artifact::Port>& ports, const artifact::Metadata& metadata,
                  artifact::Side side, ParameterForm form) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const artifact::Port& port = ports[i];
    out.raw(i > 0 ? ",{\"name\":" : "{\"name\":").string(port.name);
    out.raw(fmt::format(",\"datatype\":\"{}\",\"shape\":[{}]", v2_datatype(port.type), fmt::join(sizes(port), ",")));
    artifact::Meaning meaning = artifact::meaning_of(metadata, side, port.name);
    if (meaning.content != artifact::Content::values || !meaning.description.empty()) {
      out.raw(",\"parameters\":{");
      append_parameter(out, form, "content", artifact::word(meaning.content));
      out.raw(",");
      append_parameter(out, form, "description", meaning.description);
      out.raw("}");
    }
    out.raw("}");
  }
}

// Triton's enumeration DataType, whose names are those of the protocol except for strings.
std::string config_type(DType type) {
  std::string_view name = json::v2_name(type);
  return name.empty() ? "TYPE_INVALID" : name == "BYTES" ? "TYPE_STRING" : fmt::format("TYPE_{}", name);
}

void append_config(JsonWriter& out, const std::vector<artifact::Port>& ports, bool inputs) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const artifact::Port& port = ports[i];
    out.raw(i > 0 ? ",{\"name\":" : "{\"name\":").string(port.name);
    out.raw(fmt::format(",\"data_type\":\"{}\",\"dims\":[{}]", config_type(port.type), fmt::join(sizes(port), ",")));
    if (inputs) out.raw(port.optional ? ",\"optional\":true" : ",\"optional\":false");
    out.raw("}");
  }
}

std::string text_of(const InferenceStatistics::Sum& sum) {
  return fmt::format("{{\"count\":{},\"ns\":{}}}", sum.count, sum.time.count());
}

std::string text_of(const InferenceStatistics::Sums& sums) {
  return fmt::format("\"compute_input\":{},\"compute_infer\":{},\"compute_output\":{}", text_of(sums.input),
                     text_of(sums.infer), text_of(sums.output));
}

void append_statistics(JsonWriter& out, const LoadedModel& model) {
  auto statistics = model.statistics.snapshot();
  auto last = std::chrono::duration_cast<std::chrono::milliseconds>(statistics.last_inference.time_since_epoch());
  out.raw("{\"name\":").string(model.info().name).raw(",\"version\":").string(model.info().version);
  out.raw(fmt::format(",\"last_inference\":{},\"inference_count\":{},\"execution_count\":{}", last.count(),
                      statistics.rows, statistics.executions));
  const InferenceStatistics::Sum none;  // there is no cache of responses
  out.raw(
      fmt::format(",\"inference_stats\":{{\"success\":{},\"fail\":{},\"queue\":{},{},\"cache_hit\":{},"
                  "\"cache_miss\":{}}},\"batch_stats\":[",
                  text_of(statistics.success), text_of(statistics.fail), text_of(statistics.queue),
                  text_of(statistics.stages), text_of(none), text_of(none)));
  std::string_view separator = "";
  for (const auto& [rows, sums] : statistics.batches) {
    out.raw(separator).raw(fmt::format("{{\"batch_size\":{},{}}}", rows, text_of(sums)));
    separator = ",";
  }
  out.raw("]}");
}

std::string_view name_of(VersionState state) {
  switch (state) {
    case VersionState::loading: return "LOADING";
    case VersionState::ready: return "READY";
    case VersionState::unloading: return "UNLOADING";
    case VersionState::unavailable: return "UNAVAILABLE";
    case VersionState::failed: break;
  }
  return "FAILED";
}

}  // namespace

std::string_view v2_datatype(DType type) {
  std::string_view name = json::v2_name(type);
  return name.empty() ? "UNKNOWN" : name;
}

std::string server_metadata() {
  return "{\"name\":\"modelctl\",\"version\":\"" MODELCTL_VERSION
         "\",\"extensions\":[\"binary_tensor_data\",\"model_repository\",\"model_configuration\",\"statistics\"]}\n";
}

Result<std::string> model_metadata(Service& service, const ModelSelector& selector, ParameterForm form) {
  auto model = TRY(service.select(selector));
  JsonWriter body(model->settings().max_response);
  body.raw("{\"name\":").string(model->info().name).raw(",\"versions\":[");
  std::string_view separator = "";
  for (const std::string& version : service.versions(selector.model)) {
    body.raw(separator).string(version);
    separator = ",";
  }
  body.raw("],\"platform\":\"modelctl_native\",\"inputs\":[");
  append_ports(body, model->signature().inputs, model->metadata(), artifact::Side::input, form);
  body.raw("],\"outputs\":[");
  append_ports(body, model->signature().outputs, model->metadata(), artifact::Side::output, form);
  body.raw("]}\n");
  return body.done();
}

// Batches are the server's own affair: the dimensions are complete, which Triton expresses by a largest batch of 0.
Result<std::string> model_config(Service& service, const ModelSelector& selector) {
  auto model = TRY(service.select(selector));
  JsonWriter body(model->settings().max_response);
  body.raw("{\"name\":").string(model->info().name);
  body.raw(",\"platform\":\"modelctl_native\",\"backend\":\"modelctl\",\"max_batch_size\":0,\"input\":[");
  append_config(body, model->signature().inputs, true);
  body.raw("],\"output\":[");
  append_config(body, model->signature().outputs, false);
  body.raw("],\"model_transaction_policy\":{\"decoupled\":false}}\n");
  return body.done();
}

Result<std::string> model_statistics(Service& service, const ModelSelector& selector) {
  if (!selector.model.empty()) TRY(service.select(selector));  // else an error that says what there is
  auto table = service.routing_table();
  JsonWriter body(service.settings().max_response);
  body.raw("{\"model_stats\":[");
  std::string_view separator = "";
  for (const auto& [name, routes] : *table) {
    if (!selector.model.empty() && selector.model != name) continue;
    for (const auto& [version, model] : routes.versions) {
      if (!selector.version.empty() && selector.version != version) continue;
      body.raw(separator);
      append_statistics(body, *model);
      separator = ",";
    }
  }
  body.raw("]}\n");
  return body.done();
}

std::string repository_index(const Service& service, bool only_ready) {
  JsonWriter body(service.settings().max_response);
  body.raw("[");
  std::string_view separator = "";
  for (const VersionStatus& status : service.registry.index()) {
    if (only_ready && status.state != VersionState::ready) continue;
    body.raw(separator).raw("{\"name\":").string(status.model);
    if (!status.version.empty()) body.raw(",\"version\":").string(status.version);
    body.raw(",\"state\":\"").raw(name_of(status.state)).raw("\",\"reason\":").string(status.reason);
    body.raw(",\"labels\":[");
    for (const std::string& label : status.labels) body.raw(&label == &status.labels[0] ? "" : ",").string(label);
    body.raw("]}");
    separator = ",";
  }
  body.raw("]\n");
  return body.done().value_or("[]\n");
}

}  // namespace modelctl::serve
