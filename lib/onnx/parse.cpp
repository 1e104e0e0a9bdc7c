// Parses a ModelProto: checks that the file is one and is complete, collects its metadata, and then reads its graph.
// Protobuf messages have no magic number and no length, so a file that is something else and a file that was cut short
// both look like a broken encoding; read_model() distinguishes them.
#include "onnx/fields.hpp"
#include "onnx/functions.hpp"
#include "onnx/graph_reader.hpp"
#include "onnx/model.hpp"

#include "base/digest.hpp"
#include "base/pages.hpp"
#include "onnx/wire.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl::onnx {

using protozero::data_view;
using protozero::pbf_reader;
using protozero::pbf_wire_type;

namespace {

// The fields of a ModelProto that are used. The graph and the functions stay encoded.
struct ModelParts {
  std::optional<data_view> graph;
  std::int64_t ir_version = 0;
  std::string producer, producer_version, documentation;
  std::map<std::string, std::string> properties;
  Opsets opsets;
  std::vector<data_view> functions;
};

// What the file is instead is for the caller to find out (kinds/file_kind.hpp).
Error not_onnx(std::string_view file, std::string reason) {
  return Error(Kind::bad_input, "no-onnx", fmt::format("cannot read '{}': it is not an ONNX model", file))
      .because(std::move(reason));
}

std::pair<std::string, std::string> read_property(data_view message) {
  std::pair<std::string, std::string> entry;
  pbf_reader reader(message);
  while (reader.next()) {
    if (reader.tag() == proto::entry::key) entry.first = reader.get_string();
    else if (reader.tag() == proto::entry::value) entry.second = reader.get_string();
    else reader.skip();
  }
  return entry;
}

// The wire type of each field of a ModelProto; nothing for fields that no IR version has. Unknown fields are normally
// skipped in protobuf, but here they are the best sign that the file is something else.
std::optional<pbf_wire_type> model_field(protozero::pbf_tag_type tag) {
  switch (tag) {
    case proto::model::ir_version:
    case proto::model::model_version: return pbf_wire_type::varint;
    case proto::model::producer_name:
    case proto::model::producer_version:
    case proto::model::domain:
    case proto::model::doc_string:
    case proto::model::graph:
    case proto::model::opset_import:
    case proto::model::metadata_props:
    case proto::model::training_info:
    case proto::model::functions:
    case proto::model::configuration: return pbf_wire_type::length_delimited;
    default: return std::nullopt;
  }
}

void take_field(pbf_reader& reader, ModelParts& parts) {
  switch (reader.tag()) {
    case proto::model::ir_version: parts.ir_version = reader.get_int64(); break;
    case proto::model::producer_name: parts.producer = reader.get_string(); break;
    case proto::model::producer_version: parts.producer_version = reader.get_string(); break;
    case proto::model::doc_string: parts.documentation = reader.get_string(); break;
    case proto::model::graph: parts.graph = reader.get_view(); break;
    case proto::model::opset_import: parts.opsets.insert(read_opset(reader.get_view())); break;
    case proto::model::metadata_props: parts.properties.insert(read_property(reader.get_view())); break;
    case proto::model::functions: parts.functions.push_back(reader.get_view()); break;
    default: reader.skip();
  }
}

// Reads the top-level fields. A file that does not parse is truncated if it begins like a model, and another format
// otherwise: every exporter writes ir_version first.
Result<ModelParts> read_model(ByteSpan bytes, std::string_view file) {
  ModelParts parts;
  if (bytes.empty()) return not_onnx(file, "it is empty");
  pbf_reader reader(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  protozero::pbf_tag_type tag = 0;
  try {
    while (reader.next()) {
      tag = reader.tag();
      auto expected = model_field(tag);
      if (!expected || *expected != reader.wire_type()) {
        return not_onnx(file, fmt::format("an ONNX model has no field {}", tag));
      }
      take_field(reader, parts);
    }
  } catch (const protozero::end_of_buffer_exception&) {
    if (parts.ir_version <= 0) return not_onnx(file, "it does not begin like one");
    return Error(Kind::bad_input, "truncated-model", fmt::format("cannot read '{}': the model is cut short", file))
        .because(fmt::format("the file ends after {} bytes, within {}", bytes.size(),
                             tag == proto::model::graph ? "the graph" : fmt::format("field {} of the model", tag)))
        .help("copy or download the whole file");
  } catch (const protozero::exception& broken) { return not_onnx(file, broken.what()); }
  if (parts.ir_version <= 0 && !parts.graph) return not_onnx(file, "it has neither a version nor a graph");
  if (!parts.graph || parts.opsets.empty()) {
    return Error(Kind::bad_input, "truncated-model",
                 fmt::format("cannot read '{}': it has no {}", file, parts.graph ? "opset" : "graph"))
        .because("every model has one; the file may be cut short");
  }
  return parts;
}

constexpr std::size_t max_metadata = 64 * 1024;  // bytes of one entry; longer ones are not carried to the artifact

// Carries the model's origin to the artifact, where `inspect` shows it and a package records it as lineage. Keys of the
// model itself get a prefix, so that they cannot override ours.
void keep_metadata(const ModelParts& parts, graph::Graph& graph) {
  auto keep = [&](const std::string& key, const std::string& value) {
    if (!value.empty() && value.size() <= max_metadata) graph.metadata[key] = value;
  };
  keep("model", graph.name);
  std::string producer = parts.producer;
  if (!parts.producer_version.empty()) producer += " " + parts.producer_version;
  keep("source.producer", producer);
  keep("source.ir_version", std::to_string(parts.ir_version));
  std::string opsets;
  for (const auto& [domain, version] : parts.opsets) {
    opsets += fmt::format("{}{}{}{}", opsets.empty() ? "" : ", ", domain, domain.empty() ? "" : " ", version);
  }
  keep("source.opset", opsets);
  keep("source.documentation", parts.documentation);
  for (const auto& [key, value] : parts.properties) keep("source.property." + key, value);
}

// Whether the model means that its initializers are inputs too. Before IR version 4 all of them had to be listed, and
// some exporters went on to list every weight. Such weights must stay constants, since kernels are made for them when
// the model is built: what is listed is taken for optional inputs only if it is small altogether.
bool means_overridable(std::int64_t ir_version, const Model& model) {
  constexpr std::int64_t most = 4096;  // elements
  std::int64_t elements = 0;
  for (const Overridable& each : model.overridable) {
    const graph::Value* value = model.graph->find_value(each.name);
    if (value == nullptr || !value->is_constant()) return false;
    elements = std::min(elements + std::min(value->constant.elements(), most + 1), most + 1);
  }
  return ir_version >= 4 && elements <= most;
}

// Hashing touches every page of the file. The pages are dropped piece by piece, so that a model of many gigabytes does
// not stay in memory because of its digest.
Digest digest_of(ByteSpan bytes, bool mapped) {
  constexpr std::size_t most = 16 << 20;
  Sha256 digest;
  while (!bytes.empty()) {
    ByteSpan piece = bytes.first(std::min(most, bytes.size()));
    digest.update(piece);
    if (mapped) release_pages(piece);
    bytes = bytes.subspan(piece.size());
  }
  return digest.finish();
}

}  // namespace

Result<Model> parse(ByteSpan bytes, std::shared_ptr<const void> owner, std::string_view file,
                    const std::filesystem::path& folder, bool mapped) {
  ModelParts parts = TRY(read_model(bytes, file));
  Model model{std::make_unique<graph::Graph>(), parts.opsets, std::string(file), {}};
  ExternalFiles external(folder);
  // Tensors point into the file or into the nodes that inlined functions produced; one owner keeps both alive.
  auto written = std::make_shared<std::deque<std::string>>();
  TensorSource source{std::make_shared<std::pair<std::shared_ptr<const void>, decltype(written)>>(owner, written),
                      external};
  if (mapped) source.mapping = bytes;
  Functions functions(model.file, written);
  Faults faults;
  // protozero throws on an invalid encoding, from anywhere in the readers; `place` is updated by them as they proceed.
  std::string place;
  try {
    place = "the functions";
    for (data_view function : parts.functions) functions.add(function, faults);
    functions.check_calls(faults);
    if (faults.none()) GraphReader(model, source, functions, faults, place).read(*parts.graph, *model.graph);
    external.report(model.file, faults);
  } catch (const protozero::exception& broken) {
    faults.add(Error(Kind::bad_input, "bad-encoding", fmt::format("cannot read '{}': its encoding is invalid", file))
                   .at(fmt::format("{}: {}", file, place))
                   .because(broken.what()));
  }
  if (!faults.none()) return std::move(faults).sum(fmt::format("cannot read '{}'", file));
  if (auto sorted = model.graph->sort(); !sorted) {
    Error error = std::move(sorted).error();
    error.where = fmt::format("{}: {}", file, error.where);
    return error;
  }
  TRY(verify(*model.graph));
  if (!means_overridable(parts.ir_version, model)) model.overridable.clear();
  keep_metadata(parts, *model.graph);
  model.graph->metadata["source"] = digest_of(bytes, mapped).text();
  for (const auto& [location, data] : external.files()) {
    model.graph->metadata["source.external." + location] = digest_of(data->bytes(), true).text();
  }
  return model;
}

}  // namespace modelctl::onnx
