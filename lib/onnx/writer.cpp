#include "onnx/writer.hpp"
#include "onnx/wire.hpp"

namespace modelctl::onnx {
namespace {

using protozero::pbf_writer;

void write_tensor(pbf_writer writer, const std::string& name, const Tensor& tensor) {
  for (std::int64_t dim : tensor.dims()) writer.add_int64(1, dim);
  writer.add_int32(2, static_cast<std::int32_t>(tensor.type()));
  if (!name.empty()) writer.add_string(8, name);
  if (tensor.type() == DType::string) {
    for (const std::string& text : tensor.as<std::string>()) writer.add_string(6, text);
  } else {
    writer.add_bytes(9, reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
  }
}

void write_type(pbf_writer writer, const graph::Type& type) {
  if (is_collection(type.element)) {
    bool map = type.element == DType::map;
    pbf_writer holder(writer, type.element == DType::sequence ? 4 : map ? 5 : 9);
    if (map) holder.add_int32(1, static_cast<std::int32_t>(type.key));
    return write_type(pbf_writer(holder, map ? 2 : 1), type.inside ? *type.inside : graph::Type());
  }
  pbf_writer tensor(writer, 1);
  tensor.add_int32(1, static_cast<std::int32_t>(type.element));
  if (!type.shape) return;
  if (type.shape->empty()) return tensor.add_message(2, std::string());  // a nested writer would leave nothing behind
  pbf_writer shape(tensor, 2);
  for (const graph::Expr& size : *type.shape) {
    pbf_writer dim(shape, 1);
    if (auto number = size.constant()) dim.add_int64(1, *number);
    else dim.add_string(2, size.symbol_name().value_or(size.text()));
  }
}

void write_value(pbf_writer writer, const std::string& name, const graph::Type& type) {
  writer.add_string(1, name);
  write_type(pbf_writer(writer, 2), type);
}

struct AttributeWriter {
  pbf_writer& writer;

  void kind(int number) const { writer.add_enum(20, number); }
  void operator()(std::int64_t value) const {
    writer.add_int64(3, value);
    kind(2);
  }
  void operator()(float value) const {
    writer.add_float(2, value);
    kind(1);
  }
  void operator()(const std::string& value) const {
    writer.add_bytes(4, value);
    kind(3);
  }
  void operator()(const Tensor& value) const {
    write_tensor(pbf_writer(writer, 5), {}, value);
    kind(4);
  }
  void operator()(const std::vector<std::int64_t>& values) const {
    for (std::int64_t value : values) writer.add_int64(8, value);
    kind(7);
  }
  void operator()(const std::vector<float>& values) const {
    for (float value : values) writer.add_float(7, value);
    kind(6);
  }
  void operator()(const std::vector<std::string>& values) const {
    for (const std::string& value : values) writer.add_bytes(9, value);
    kind(8);
  }
};

void write_graph(pbf_writer writer, const graph::Graph& graph, const WriteOptions& options);

void write_node(pbf_writer writer, const graph::Node& node, const WriteOptions& options) {
  for (const graph::Value* value : node.inputs()) writer.add_string(1, value == nullptr ? std::string() : value->name);
  for (const graph::Value* value : node.outputs()) writer.add_string(2, value == nullptr ? std::string() : value->name);
  if (!node.name.empty()) writer.add_string(3, node.name);
  writer.add_string(4, node.op);
  for (const auto& [name, value] : node.attributes) {
    pbf_writer attribute(writer, 5);
    attribute.add_string(1, name);
    std::visit(AttributeWriter{attribute}, value);
  }
  for (const auto& [name, sub] : node.subgraphs) {
    pbf_writer attribute(writer, 5);
    attribute.add_string(1, name);
    write_graph(pbf_writer(attribute, 6), *sub, options);
    attribute.add_enum(20, 5);
  }
  if (!node.domain.empty()) writer.add_string(7, node.domain);
}

void write_graph(pbf_writer writer, const graph::Graph& graph, const WriteOptions& options) {
  for (const auto& node : graph.nodes()) write_node(pbf_writer(writer, 1), *node, options);
  writer.add_string(2, graph.name);
  for (const graph::Value* value : graph.values()) {
    if (value->is_constant()) write_tensor(pbf_writer(writer, 5), value->name, value->constant);
  }
  for (const graph::Value* value : graph.inputs) write_value(pbf_writer(writer, 11), value->name, value->type);
  for (const graph::Value* value : graph.values()) {
    if (options.initializers_as_inputs && value->is_constant())
      write_value(pbf_writer(writer, 11), value->name, value->type);
  }
  for (const graph::Value* value : graph.outputs()) write_value(pbf_writer(writer, 12), value->name, value->type);
}

}  // namespace

std::string write(const graph::Graph& graph, const WriteOptions& options) {
  std::string bytes;
  pbf_writer writer(bytes);
  writer.add_int64(1, options.ir_version);
  writer.add_string(2, "modelctl");
  write_graph(pbf_writer(writer, 7), graph, options);
  for (const auto& [domain, version] : options.opsets) {
    pbf_writer opset(writer, 8);
    opset.add_string(1, domain);
    opset.add_int64(2, version);
  }
  return bytes;
}

}  // namespace modelctl::onnx
