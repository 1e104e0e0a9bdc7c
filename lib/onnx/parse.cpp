// ModelProto: is it one, is it whole, what does it say of itself; then its graph.
#include "onnx/functions.hpp"
#include "onnx/graph_reader.hpp"
#include "onnx/model.hpp"

#include "base/digest.hpp"
#include "base/pages.hpp"
#include "onnx/wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace modelctl::onnx {

using protozero::data_view;
using protozero::pbf_reader;
using protozero::pbf_wire_type;

namespace {

struct ModelParts {
  std::optional<data_view> graph;
  std::int64_t ir_version = 0;
  std::string producer, producer_version, documentation;
  std::map<std::string, std::string> properties;
  Opsets opsets;
  std::vector<data_view> functions;
};

// What else people pass by mistake, by the first bytes of the file.
struct Other {
  std::string_view magic;
  std::string_view is;
  std::string_view help;
};
constexpr std::array<Other, 9> others{{
    {std::string_view("PK\x03\x04", 4), "a zip archive, as PyTorch saves", "export it with torch.onnx.export"},
    {"\x89HDF", "an HDF5 file, as Keras saves", "export it with tf2onnx or keras's export(format=\"onnx\")"},
    {"GGUF", "a GGUF file", ""},
    {"\x1f\x8b", "a gzip file", "unpack it with gunzip"},
    {"version https://git-lfs", "a pointer of Git LFS, not the file itself", "fetch the file with git lfs pull"},
    {"<!DOCTYPE", "a web page", "download the file itself"},
    {"\x80\x04\x95", "a Python pickle", "export the model that it holds to ONNX: modelctl runs no Python"},
    {"\x80\x02", "a Python pickle", "export the model that it holds to ONNX: modelctl runs no Python"},
    {"{", "JSON", ""},
}};

Error no_onnx(std::string_view file, ByteSpan bytes, std::string reason) {
  std::string help;
  std::string_view text = as_text(bytes);
  for (const Other& other : others) {
    if (text.substr(0, other.magic.size()) != other.magic) continue;
    reason = fmt::format("it is {}", other.is);
    help = other.help;
  }
  return Error(Kind::bad_input, "no-onnx", fmt::format("cannot read '{}': it is no ONNX model", file))
      .because(std::move(reason))
      .help(std::move(help));
}

std::pair<std::string, std::string> read_property(data_view message) {
  std::pair<std::string, std::string> entry;
  pbf_reader reader(message);
  while (reader.next()) {
    if (reader.tag() == 1) entry.first = reader.get_string();
    else if (reader.tag() == 2) entry.second = reader.get_string();
    else reader.skip();
  }
  return entry;
}

// The wire type that each field of a ModelProto has; nothing for fields that no version has.
std::optional<pbf_wire_type> model_field(protozero::pbf_tag_type tag) {
  switch (tag) {
    case 1:
    case 5: return pbf_wire_type::varint;
    case 2:
    case 3:
    case 4:
    case 6:
    case 7:
    case 8:
    case 14:
    case 20:
    case 25:
    case 26: return pbf_wire_type::length_delimited;
    default: return std::nullopt;
  }
}

void take_field(pbf_reader& reader, ModelParts& parts) {
  switch (reader.tag()) {
    case 1: parts.ir_version = reader.get_int64(); break;
    case 2: parts.producer = reader.get_string(); break;
    case 3: parts.producer_version = reader.get_string(); break;
    case 6: parts.documentation = reader.get_string(); break;
    case 7: parts.graph = reader.get_view(); break;
    case 8: parts.opsets.insert(read_opset(reader.get_view())); break;
    case 14: parts.properties.insert(read_property(reader.get_view())); break;
    case 25: parts.functions.push_back(reader.get_view()); break;
    default: reader.skip();
  }
}

// The fields of the file. Whether a file that does not parse is cut short or something else altogether is told by its
// beginning: every exporter writes ir_version first.
Result<ModelParts> read_model(ByteSpan bytes, std::string_view file) {
  ModelParts parts;
  if (bytes.empty()) return no_onnx(file, bytes, "it is empty");
  pbf_reader reader(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  protozero::pbf_tag_type tag = 0;
  try {
    while (reader.next()) {
      tag = reader.tag();
      auto expected = model_field(tag);
      if (!expected || *expected != reader.wire_type()) {
        return no_onnx(file, bytes, fmt::format("field {} is none of a model's", tag));
      }
      take_field(reader, parts);
    }
  } catch (const protozero::end_of_buffer_exception&) {
    if (parts.ir_version <= 0) return no_onnx(file, bytes, "its first bytes are none of a model's");
    return Error(Kind::bad_input, "truncated-model", fmt::format("cannot read '{}': the model is cut short", file))
        .because(fmt::format("the file ends after {} bytes, within {}", bytes.size(),
                             tag == 7 ? "the graph" : fmt::format("field {} of the model", tag)))
        .help("copy or download the whole file");
  } catch (const protozero::exception& broken) { return no_onnx(file, bytes, broken.what()); }
  if (parts.ir_version <= 0 && !parts.graph) return no_onnx(file, bytes, "it has neither a version nor a graph");
  if (!parts.graph || parts.opsets.empty()) {
    return Error(Kind::bad_input, "truncated-model",
                 fmt::format("cannot read '{}': it has no {}", file, parts.graph ? "opset" : "graph"))
        .because("every model has one; the file may be cut short");
  }
  return parts;
}

constexpr std::size_t max_metadata = 64 * 1024;

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

// It reads all of a file, of which no more than a piece is to be in memory for it.
Digest digest_of(ByteSpan bytes, bool mapped) {
  constexpr std::size_t most = 16 << 20;
  Sha256 digest;
  while (!bytes.empty()) {
    ByteSpan piece = bytes.first(std::min(most, bytes.size()));
    digest.update(piece);
    if (mapped) forget_pages(piece);
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
  // What a tensor may point into: the file, and the nodes that calls of functions stand for.
  auto written = std::make_shared<std::deque<std::string>>();
  TensorSource source{std::make_shared<std::pair<std::shared_ptr<const void>, decltype(written)>>(owner, written),
                      external};
  if (mapped) source.mapping = bytes;
  Functions functions(model.file, written);
  Faults faults;
  std::string place;
  try {
    place = "the functions";
    for (data_view function : parts.functions) functions.add(function, faults);
    functions.check_calls(faults);
    if (faults.none()) GraphReader(model, source, functions, faults, place).read(*parts.graph, *model.graph);
  } catch (const protozero::exception& broken) {
    faults.add(Error(Kind::bad_input, "bad-encoding", fmt::format("cannot read '{}': its encoding is broken", file))
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
  keep_metadata(parts, *model.graph);
  model.graph->metadata["source"] = digest_of(bytes, mapped).text();
  for (const auto& [location, beside] : external.files()) {
    model.graph->metadata["source.external." + location] = digest_of(beside->bytes(), true).text();
  }
  return model;
}

}  // namespace modelctl::onnx
