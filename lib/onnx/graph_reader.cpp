// Reads a graph in several steps, because in a file the nodes come before the initializers and inputs that they use,
// and may be in any order: constants, inputs, the outputs of all nodes, then the nodes themselves. After a fault the
// value is still added, without data, so that its users do not report the same fault again.
#include "onnx/graph_reader.hpp"

#include "onnx/fields.hpp"
#include "onnx/type_reader.hpp"

#include <fmt/format.h>

#include <set>

namespace modelctl::onnx {

using protozero::data_view;
using protozero::pbf_reader;

namespace {

constexpr int max_depth = graph::max_graph_depth;

// `fresh` makes the symbols for dimensions without a name.
graph::Type type_of(const FileType& file, const std::function<graph::Expr()>& fresh) {
  graph::Type type{file.element, std::nullopt};
  type.key = file.key;
  if (!file.inside.empty()) type.inside = std::make_shared<const graph::Type>(type_of(file.inside[0], fresh));
  if (!file.dims) return type;
  type.shape.emplace();
  for (const FileDim& dim : *file.dims) {
    if (dim.size) type.shape->push_back(*dim.size);
    else if (!dim.symbol.empty()) type.shape->push_back(graph::Expr::symbol(dim.symbol));
    else type.shape->push_back(fresh());
  }
  return type;
}

graph::Type type_of(const FileType& file, graph::Graph& graph, std::string_view prefix) {
  return type_of(file, [&] { return graph.fresh_symbol(prefix); });
}

}  // namespace

// The parts of a GraphProto that are read in later steps, in the file's order. Tensors stay encoded, so that a large
// model is decoded one tensor at a time.
struct GraphReader::Parts {
  std::vector<InlinedNode> nodes;
  std::vector<data_view> initializers, sparse;
  std::vector<FileValue> inputs, outputs, infos;
};

// A NodeProto with its names, before the values behind the names are known.
struct GraphReader::NodeParts {
  std::vector<std::string> inputs, outputs;
  std::string name, op, domain;
  std::vector<data_view> attributes;
  std::vector<graph::Value*> made;       // as outputs; null if absent
  std::shared_ptr<const Opsets> opsets;  // of the function that it comes from

  // As graph::Node::place(), for a node that is not in the graph yet.
  std::string place() const {
    std::string kind = domain.empty() ? op : domain + "::" + op;
    if (!name.empty()) return fmt::format("node '{}' ({})", name, kind);
    return outputs.empty() ? fmt::format("a node ({})", kind) : fmt::format("the node of '{}' ({})", outputs[0], kind);
  }
};

namespace {

template <class Parts>
Parts read_node(const InlinedNode& node) {
  Parts parts;
  parts.opsets = node.opsets;
  pbf_reader reader(node.message);
  while (reader.next()) {
    switch (reader.tag()) {
      case proto::node::input: parts.inputs.push_back(reader.get_string()); break;
      case proto::node::output: parts.outputs.push_back(reader.get_string()); break;
      case proto::node::name: parts.name = reader.get_string(); break;
      case proto::node::op_type: parts.op = reader.get_string(); break;
      case proto::node::attribute: parts.attributes.push_back(reader.get_view()); break;
      case proto::node::domain: parts.domain = reader.get_string(); break;
      default: reader.skip();
    }
  }
  if (parts.domain == "ai.onnx") parts.domain.clear();
  return parts;
}

}  // namespace

void GraphReader::fault(Kind kind, std::string code, std::string what) {
  faults_.add(Error(kind, std::move(code), std::move(what)).at(fmt::format("{}: {}", model_.file, place_)));
}

// Calls of functions are expanded here: all later steps see only operators.
GraphReader::Parts GraphReader::collect(data_view message, graph::Graph& graph) {
  Parts parts;
  auto value = [&](pbf_reader& reader, std::vector<FileValue>& into) {
    auto read = read_value_info(reader.get_view());
    if (read) into.push_back(std::move(*read));
    else fault(read.error().kind, read.error().code, "cannot read the type of a value: " + read.error().what);
  };
  pbf_reader reader(message);
  while (reader.next()) {
    switch (reader.tag()) {
      case proto::graph::node: {
        auto expanded = functions_.expand({reader.get_view(), opsets_}, faults_);
        parts.nodes.insert(parts.nodes.end(), expanded.begin(), expanded.end());
        break;
      }
      case proto::graph::name: graph.name = reader.get_string(); break;
      case proto::graph::initializer: parts.initializers.push_back(reader.get_view()); break;
      case proto::graph::input: value(reader, parts.inputs); break;
      case proto::graph::output: value(reader, parts.outputs); break;
      case proto::graph::value_info: value(reader, parts.infos); break;
      case proto::graph::sparse_initializer: parts.sparse.push_back(reader.get_view()); break;
      default: reader.skip();
    }
  }
  return parts;
}

// True, with a fault, if the name is already defined in this graph: values are in single assignment form.
bool GraphReader::taken(const graph::Graph& graph, const std::string& name, std::string_view as) {
  const graph::Value* old = graph.find_value(name);
  if (old == nullptr || &old->graph() != &graph) return false;
  fault(Kind::bad_input, "duplicate-name", fmt::format("cannot define '{}' as {}: it is defined already", name, as));
  return true;
}

void GraphReader::add_constants(const Parts& parts, graph::Graph& graph) {
  for (std::size_t i = 0; i < parts.initializers.size() + parts.sparse.size(); ++i) {
    bool sparse = i >= parts.initializers.size();
    data_view message = sparse ? parts.sparse[i - parts.initializers.size()] : parts.initializers[i];
    std::string name = sparse ? sparse_tensor_name(message) : tensor_name(message);
    place_ = fmt::format("graph '{}', initializer '{}'", graph.name, name);
    auto read = sparse ? read_sparse_tensor(message, source_) : read_tensor(message, source_);
    if (name.empty()) {
      fault(Kind::bad_input, "no-name", "cannot use an initializer without a name");
    } else if (!taken(graph, name, "an initializer")) {
      if (read && read->tensor.present()) graph.add_constant(name, std::move(read->tensor));
      else graph.add_value(name);
    }
    if (!read) {
      Error error = std::move(read).error();
      error.where = fmt::format("{}: {}", model_.file, place_);
      faults_.add(std::move(error));
    }
  }
}

void GraphReader::add_inputs(const Parts& parts, graph::Graph& graph) {
  // Before IR version 4 every initializer is listed as an input too; later files may do so to give an input a default
  // (parse.cpp decides).
  std::vector<const FileValue*> real;
  std::set<std::string> seen;
  for (const FileValue& input : parts.inputs) {
    place_ = fmt::format("graph '{}', input '{}'", graph.name, input.name);
    if (!seen.insert(input.name).second || input.name.empty()) {
      fault(Kind::bad_input, "duplicate-name",
            fmt::format("cannot define '{}' as an input: it is defined already", input.name));
      continue;
    }
    const graph::Value* initializer = graph.find_value(input.name);
    if (initializer == nullptr || &initializer->graph() != &graph) {
      real.push_back(&input);
    } else if (graph.outer == nullptr) {
      model_.overridable.push_back({input.name, real.size() + model_.overridable.size()});
    }
  }
  // Two steps, so that fresh symbols do not collide with names of dimensions in later inputs.
  for (const FileValue* input : real) {
    graph.add_input(input->name, type_of(input->type, [] { return graph::Expr(0); }));
  }
  for (std::size_t i = 0; i < real.size(); ++i) {
    if (graph.outer == nullptr && real[i]->type.element == DType::undefined) {
      place_ = fmt::format("graph '{}', input '{}'", graph.name, real[i]->name);
      fault(Kind::unsupported, "unknown-type",
            fmt::format("cannot use input '{}': the model does not declare its element type", real[i]->name));
    }
    graph.inputs[i]->type = type_of(real[i]->type, graph, real[i]->name + "_dim");
  }
}

// Defines the outputs of a node. This is done for all nodes before any inputs are connected.
void GraphReader::add_outputs_of(NodeParts& parts, graph::Graph& graph) {
  place_ = parts.place();
  for (const std::string& output : parts.outputs) {
    bool absent = output.empty() || taken(graph, output, "an output");
    parts.made.push_back(absent ? nullptr : graph.add_value(output));
  }
}

// An AttributeProto has one field per type of value, and `type` decides which one counts. Exporters leave the others
// empty, but nothing enforces that. Lists of numbers may be packed or not, as in tensors.
Result<AttributeValue> GraphReader::attribute_value(data_view message, std::string& name) {
  namespace attribute = proto::attribute;
  namespace type_of_value = proto::attribute_type;
  std::int64_t type = 0, integer = 0;
  float number = 0;
  std::string text;
  std::optional<data_view> tensor, sparse, named_type;
  std::vector<float> numbers;
  std::vector<std::int64_t> integers;
  std::vector<std::string> texts;
  bool reference = false;
  int guess = 0;  // the type of the last value: files before IR version 2 have no type field
  pbf_reader reader(message);
  bool packed = false;
  while (reader.next()) {
    packed = reader.wire_type() == protozero::pbf_wire_type::length_delimited;
    switch (reader.tag()) {
      case attribute::name: name = reader.get_string(); break;
      case attribute::f: number = reader.get_float(), guess = type_of_value::float_; break;
      case attribute::i: integer = reader.get_int64(), guess = type_of_value::int_; break;
      case attribute::s: text = reader.get_string(), guess = type_of_value::string; break;
      case attribute::t: tensor = reader.get_view(), guess = type_of_value::tensor; break;
      case attribute::g: reader.skip(), guess = type_of_value::graph; break;
      case attribute::floats:
        guess = type_of_value::floats;
        if (!packed) numbers.push_back(reader.get_float());
        else
          for (float value : reader.get_packed_float()) numbers.push_back(value);
        break;
      case attribute::ints:
        guess = type_of_value::ints;
        if (!packed) integers.push_back(reader.get_int64());
        else
          for (std::int64_t value : reader.get_packed_int64()) integers.push_back(value);
        break;
      case attribute::strings: texts.push_back(reader.get_string()), guess = type_of_value::strings; break;
      case attribute::tp: named_type = reader.get_view(), guess = type_of_value::type_proto; break;
      case attribute::type: type = reader.get_enum(); break;
      case attribute::sparse_tensor: sparse = reader.get_view(), guess = type_of_value::sparse_tensor; break;
      case attribute::ref_attr_name: reference = !reader.get_view().empty(); break;
      default: reader.skip();
    }
  }
  if (reference) {
    return Error(
        Kind::bad_input, "bad-attribute",
        fmt::format("cannot read attribute '{}': it refers to an attribute of a function, but is not in one", name));
  }
  switch (type == 0 ? guess : type) {
    case type_of_value::float_: return AttributeValue(number);
    case type_of_value::int_: return AttributeValue(integer);
    case type_of_value::string: return AttributeValue(std::move(text));
    case type_of_value::floats: return AttributeValue(std::move(numbers));
    case type_of_value::ints: return AttributeValue(std::move(integers));
    case type_of_value::strings: return AttributeValue(std::move(texts));
    case type_of_value::type_proto:
      // Kept as text: only inference reads it.
      return AttributeValue(type_text(
          type_of(TRY(read_type(named_type.value_or(data_view()))), [] { return graph::Expr::symbol("unknown"); })));
    case type_of_value::tensor:
      if (!tensor)
        return Error(Kind::bad_input, "bad-attribute", fmt::format("cannot read attribute '{}': it is empty", name));
      return AttributeValue(TRY(read_tensor(*tensor, source_)).tensor);
    case type_of_value::sparse_tensor:
      if (!sparse)
        return Error(Kind::bad_input, "bad-attribute", fmt::format("cannot read attribute '{}': it is empty", name));
      return AttributeValue(TRY(read_sparse_tensor(*sparse, source_)).tensor);
    default:
      return Error(Kind::unsupported, "bad-attribute",
                   fmt::format("cannot read attribute '{}': its kind {} is not supported", name, type));
  }
}

// A subgraph is read when its node is added. At that time the values of all nodes of this graph exist, so the subgraph
// can capture any of them, also of nodes that come later in the file.
void GraphReader::add_attribute(data_view message, graph::Node& node, int depth) {
  std::string name;
  std::optional<data_view> body;
  bool is_graph = false;
  pbf_reader reader(message);
  while (reader.next()) {
    if (reader.tag() == proto::attribute::name) name = reader.get_string();
    else if (reader.tag() == proto::attribute::g) body = reader.get_view();
    else if (reader.tag() == proto::attribute::type) is_graph = reader.get_enum() == proto::attribute_type::graph;
    else reader.skip();
  }
  if (body || is_graph) {
    std::string place = place_;
    if (depth >= max_depth) return fault(Kind::bad_input, "too-deep", "cannot read a graph that nests this deeply");
    if (body) read(*body, node.add_subgraph(name, name), depth + 1);
    place_ = place;
    return;
  }
  auto value = attribute_value(message, name);
  if (!value) return fault(value.error().kind, value.error().code, value.error().what);
  if (node.attributes.has(name)) {
    return fault(Kind::bad_input, "bad-attribute", fmt::format("cannot read attribute '{}': it is given twice", name));
  }
  node.attributes.set(name, std::move(*value));
}

// A Constant node becomes a constant value, which every pass understands. Returns false if `parts` is another node.
bool GraphReader::read_constant_node(const NodeParts& parts, graph::Graph& graph) {
  if (parts.op != "Constant" || !parts.domain.empty() || parts.attributes.size() != 1 || parts.outputs.size() != 1) {
    return false;
  }
  place_ = parts.place();
  std::string name;
  auto value = attribute_value(parts.attributes[0], name);
  Tensor tensor;
  if (value && std::holds_alternative<Tensor>(*value)) tensor = std::get<Tensor>(*value);
  else if (value && std::holds_alternative<std::int64_t>(*value))
    tensor = Tensor::scalar(DType::i64, std::get<std::int64_t>(*value));
  else if (value && std::holds_alternative<float>(*value)) tensor = Tensor::scalar(DType::f32, std::get<float>(*value));
  else if (value && std::holds_alternative<std::string>(*value))
    tensor = Tensor::of_strings({}, {std::get<std::string>(*value)});
  else if (value && std::holds_alternative<std::vector<std::int64_t>>(*value))
    tensor = Tensor::of_ints(std::get<std::vector<std::int64_t>>(*value));
  else if (value && std::holds_alternative<std::vector<float>>(*value)) {
    const auto& numbers = std::get<std::vector<float>>(*value);
    tensor = Tensor(DType::f32, {static_cast<std::int64_t>(numbers.size())});
    std::copy(numbers.begin(), numbers.end(), static_cast<float*>(tensor.mutable_view().data));
  } else if (value) {
    const auto& texts = std::get<std::vector<std::string>>(*value);
    tensor = Tensor::of_strings({static_cast<std::int64_t>(texts.size())}, texts);
  } else {
    fault(value.error().kind, value.error().code, value.error().what);
  }
  if (parts.outputs[0].empty() || taken(graph, parts.outputs[0], "a constant")) return true;
  if (tensor.present()) graph.add_constant(parts.outputs[0], std::move(tensor));
  else graph.add_value(parts.outputs[0]);
  return true;
}

// An input that nothing defines becomes an absent one after the fault, so that the rest of the graph is still checked.
void GraphReader::add_node(const NodeParts& parts, graph::Graph& graph, int depth) {
  place_ = parts.place();
  std::vector<graph::Value*> inputs;
  for (const std::string& input : parts.inputs) {
    graph::Value* value = input.empty() ? nullptr : graph.find_value(input);
    if (!input.empty() && value == nullptr) {
      fault(Kind::bad_input, "no-producer",
            fmt::format("cannot use '{}': no node, input or initializer defines it", input));
    }
    inputs.push_back(value);
  }
  graph::Node* node = graph.add_node_for(parts.domain, parts.op, std::move(inputs), parts.made);
  node->name = parts.name;
  if (parts.opsets != nullptr) model_.function_opsets.emplace(node, parts.opsets);
  auto around = std::exchange(opsets_, parts.opsets);
  for (data_view attribute : parts.attributes) add_attribute(attribute, *node, depth);
  opsets_ = std::move(around);
}

// Types in value_info and in outputs are only hints for values whose type is still unknown: older exporters wrote wrong
// ones, and inference knows better.
void GraphReader::add_hints(const Parts& parts, graph::Graph& graph) {
  for (const auto* list : {&parts.infos, &parts.outputs}) {
    for (const FileValue& info : *list) {
      graph::Value* value = graph.find_value(info.name);
      if (value == nullptr || &value->graph() != &graph || value->producer() == nullptr) continue;
      if (value->type.element != DType::undefined || value->type.shape) continue;
      value->type = type_of(info.type, graph, "unknown");
    }
  }
}

// Subgraphs may have no outputs, and an output may be a value of an enclosing graph.
void GraphReader::add_graph_outputs(const Parts& parts, graph::Graph& graph) {
  if (parts.outputs.empty() && graph.outer == nullptr) {
    place_ = fmt::format("graph '{}'", graph.name);
    fault(Kind::bad_input, "no-outputs", "cannot use a model without outputs");
  }
  for (const FileValue& output : parts.outputs) {
    place_ = fmt::format("graph '{}', output '{}'", graph.name, output.name);
    graph::Value* value = graph.find_value(output.name);
    if (value == nullptr) {
      fault(Kind::bad_input, "no-producer",
            fmt::format("cannot output '{}': no node, input or initializer defines it", output.name));
      continue;
    }
    graph.add_output(value, output.name);
  }
}

// Constant nodes become constants before any other node is added: a node may use one that comes later in the file.
void GraphReader::read(data_view message, graph::Graph& graph, int depth) {
  place_ = depth == 0 ? "the graph" : fmt::format("graph '{}'", graph.name);
  Parts parts = collect(message, graph);
  add_constants(parts, graph);
  add_inputs(parts, graph);
  std::vector<NodeParts> nodes;
  for (const InlinedNode& node : parts.nodes) {
    place_ = fmt::format("graph '{}', node {}", graph.name, nodes.size());
    NodeParts read = read_node<NodeParts>(node);
    if (read_constant_node(read, graph)) continue;
    add_outputs_of(read, graph);
    nodes.push_back(std::move(read));
  }
  for (const NodeParts& node : nodes) add_node(node, graph, depth);
  add_hints(parts, graph);
  add_graph_outputs(parts, graph);
}

}  // namespace modelctl::onnx
