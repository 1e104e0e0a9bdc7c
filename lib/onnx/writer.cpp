// Writes ONNX. Nested messages are written by nested pbf_writers, which fill in the length in their destructor: a
// writer of an inner message must go out of scope before the outer one is used again.
#include "onnx/writer.hpp"

#include "onnx/fields.hpp"

namespace modelctl::onnx {
namespace {

using protozero::pbf_writer;

// Elements always as raw_data, except strings, which have no raw form.
void write_tensor(pbf_writer writer, const std::string& name, const Tensor& tensor) {
  for (std::int64_t dim : tensor.dims()) writer.add_int64(proto::tensor::dims, dim);
  writer.add_int32(proto::tensor::data_type, static_cast<std::int32_t>(tensor.type()));
  if (!name.empty()) writer.add_string(proto::tensor::name, name);
  if (tensor.type() == DType::string) {
    for (const std::string& text : tensor.as<std::string>()) writer.add_string(proto::tensor::string_data, text);
  } else {
    writer.add_bytes(proto::tensor::raw_data, reinterpret_cast<const char*>(tensor.bytes().data()),
                     tensor.bytes().size());
  }
}

// A symbolic size is written as dim_param: its name, or the text of the expression.
void write_type(pbf_writer writer, const graph::Type& type) {
  if (is_collection(type.element)) {
    bool map = type.element == DType::map;
    pbf_writer holder(writer, type.element == DType::sequence ? proto::type::sequence_type
                              : map                           ? proto::type::map_type
                                                              : proto::type::optional_type);
    if (map) holder.add_int32(proto::map_type::key_type, static_cast<std::int32_t>(type.key));
    const proto::Field held = map ? proto::map_type::value_type : proto::collection_type::elem_type;
    return write_type(pbf_writer(holder, held), type.inside ? *type.inside : graph::Type());
  }
  pbf_writer tensor(writer, proto::type::tensor_type);
  tensor.add_int32(proto::tensor_type::elem_type, static_cast<std::int32_t>(type.element));
  if (!type.shape) return;
  // A nested writer drops a message that stays empty, but an empty shape means a scalar, not an unknown shape.
  if (type.shape->empty()) return tensor.add_message(proto::tensor_type::shape, std::string());
  pbf_writer shape(tensor, proto::tensor_type::shape);
  for (const graph::Expr& size : *type.shape) {
    pbf_writer dim(shape, proto::shape::dim);
    if (auto number = size.constant()) dim.add_int64(proto::dimension::dim_value, *number);
    else dim.add_string(proto::dimension::dim_param, size.symbol_name().value_or(size.text()));
  }
}

void write_value(pbf_writer writer, const std::string& name, const graph::Type& type) {
  writer.add_string(proto::value_info::name, name);
  write_type(pbf_writer(writer, proto::value_info::type), type);
}

// Writes the value of an attribute and its type, for each alternative of AttributeValue.
struct AttributeWriter {
  pbf_writer& writer;

  void kind(int number) const { writer.add_enum(proto::attribute::type, number); }
  void operator()(std::int64_t value) const {
    writer.add_int64(proto::attribute::i, value);
    kind(proto::attribute_type::int_);
  }
  void operator()(float value) const {
    writer.add_float(proto::attribute::f, value);
    kind(proto::attribute_type::float_);
  }
  void operator()(const std::string& value) const {
    writer.add_bytes(proto::attribute::s, value);
    kind(proto::attribute_type::string);
  }
  void operator()(const Tensor& value) const {
    write_tensor(pbf_writer(writer, proto::attribute::t), {}, value);
    kind(proto::attribute_type::tensor);
  }
  void operator()(const std::vector<std::int64_t>& values) const {
    for (std::int64_t value : values) writer.add_int64(proto::attribute::ints, value);
    kind(proto::attribute_type::ints);
  }
  void operator()(const std::vector<float>& values) const {
    for (float value : values) writer.add_float(proto::attribute::floats, value);
    kind(proto::attribute_type::floats);
  }
  void operator()(const std::vector<std::string>& values) const {
    for (const std::string& value : values) writer.add_bytes(proto::attribute::strings, value);
    kind(proto::attribute_type::strings);
  }
};

void write_graph(pbf_writer writer, const graph::Graph& graph, const WriteOptions& options);

// An absent input or output is an empty name.
void write_node(pbf_writer writer, const graph::Node& node, const WriteOptions& options) {
  auto name_of = [](const graph::Value* value) { return value == nullptr ? std::string() : value->name; };
  for (const graph::Value* value : node.inputs()) writer.add_string(proto::node::input, name_of(value));
  for (const graph::Value* value : node.outputs()) writer.add_string(proto::node::output, name_of(value));
  if (!node.name.empty()) writer.add_string(proto::node::name, node.name);
  writer.add_string(proto::node::op_type, node.op);
  for (const auto& [name, value] : node.attributes) {
    pbf_writer attribute(writer, proto::node::attribute);
    attribute.add_string(proto::attribute::name, name);
    std::visit(AttributeWriter{attribute}, value);
  }
  for (const auto& [name, sub] : node.subgraphs) {
    pbf_writer attribute(writer, proto::node::attribute);
    attribute.add_string(proto::attribute::name, name);
    write_graph(pbf_writer(attribute, proto::attribute::g), *sub, options);
    attribute.add_enum(proto::attribute::type, proto::attribute_type::graph);
  }
  if (!node.domain.empty()) writer.add_string(proto::node::domain, node.domain);
}

// Nodes in the graph's order, which is topological as ONNX requires.
void write_graph(pbf_writer writer, const graph::Graph& graph, const WriteOptions& options) {
  for (const auto& node : graph.nodes()) write_node(pbf_writer(writer, proto::graph::node), *node, options);
  writer.add_string(proto::graph::name, graph.name);
  for (const graph::Value* value : graph.values()) {
    if (value->is_constant()) write_tensor(pbf_writer(writer, proto::graph::initializer), value->name, value->constant);
  }
  for (const graph::Value* value : graph.inputs)
    write_value(pbf_writer(writer, proto::graph::input), value->name, value->type);
  for (const graph::Value* value : graph.values()) {
    if (options.initializers_as_inputs && value->is_constant())
      write_value(pbf_writer(writer, proto::graph::input), value->name, value->type);
  }
  for (const graph::Value* value : graph.outputs())
    write_value(pbf_writer(writer, proto::graph::output), value->name, value->type);
}

}  // namespace

std::string write(const graph::Graph& graph, const WriteOptions& options) {
  std::string bytes;
  pbf_writer writer(bytes);
  writer.add_int64(proto::model::ir_version, options.ir_version);
  writer.add_string(proto::model::producer_name, "modelctl");
  write_graph(pbf_writer(writer, proto::model::graph), graph, options);
  for (const auto& [domain, version] : options.opsets) {
    pbf_writer opset(writer, proto::model::opset_import);
    opset.add_string(proto::opset::domain, domain);
    opset.add_int64(proto::opset::version, version);
  }
  return bytes;
}

}  // namespace modelctl::onnx
