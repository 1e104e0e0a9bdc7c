// Function inlining, on the encoded messages: each node of the body is re-encoded with the names of the call, and is
// then read by the same code as every other node.
//
// Theory. A FunctionProto is a macro with hygiene rules. Its inputs and outputs are formal parameters, all other value
// names are local. A call substitutes the actual names for the formal ones and must rename the local ones, or two calls
// of one function would define the same value twice; the prefix "NAME_K/" with the number K of the call makes them
// unique. The substitution reaches into subgraphs (If, Loop, Scan), whose bodies may capture formal parameters. Formal
// *attributes* have no values of their own: an attribute of a body's node with ref_attr_name is replaced by the call's
// attribute, then by the function's default, and is otherwise absent, which means the operator's own default.
//
// Three cases need care. A function may return an input, or one value under two outputs; renaming cannot express that,
// so an Identity copies it. A function imports its own opsets, so every inlined node keeps a pointer to them, and
// normalization upgrades it from there. And functions may call functions: check_calls() rejects recursion with a
// depth-first search before anything is expanded, and since without recursion n functions can still expand to 2^n
// nodes, nodes and bytes are bounded.
#include "onnx/functions.hpp"

#include "onnx/fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace modelctl::onnx {

using protozero::data_view;
using protozero::pbf_reader;
using protozero::pbf_wire_type;
using protozero::pbf_writer;

namespace {

// Limits of what calls expand to, over the whole model.
constexpr std::size_t max_nodes = 1'000'000;
constexpr std::size_t max_bytes = 1u << 30;
constexpr std::size_t max_depth = 64;        // of calls within calls
constexpr int max_scanned_graph_depth = 32;  // of subgraphs in a body; the graph reader refuses deeper ones

// An attribute by its name, still encoded: most are only copied.
std::pair<std::string, data_view> named_attribute(data_view message) {
  pbf_reader reader(message);
  std::string name;
  while (reader.next()) {
    if (reader.tag() == proto::attribute::name) name = reader.get_string();
    else reader.skip();
  }
  return {name, message};
}

// Copies the current field unchanged, whatever it is: fields that this code does not know must survive the rewrite.
void copy_field(pbf_reader& reader, pbf_writer& writer) {
  auto tag = reader.tag();  // reading the value resets the reader's tag
  switch (reader.wire_type()) {
    case pbf_wire_type::varint: writer.add_uint64(tag, reader.get_uint64()); break;
    case pbf_wire_type::fixed64: writer.add_fixed64(tag, reader.get_fixed64()); break;
    case pbf_wire_type::fixed32: writer.add_fixed32(tag, reader.get_fixed32()); break;
    case pbf_wire_type::length_delimited: writer.add_message(tag, reader.get_view()); break;
    default: throw WrongWireType();
  }
}

// The substitution of one call, applied to the messages of the function's body.
class Rewriter {
 public:
  std::string prefix;
  std::map<std::string, std::string> names;     // formal parameters -> values of the caller
  std::map<std::string, data_view> attributes;  // of the call, and the function's defaults

  // Node names get the prefix too: diagnostics then show which call a node comes from.
  void node(data_view message, pbf_writer& writer) const {
    pbf_reader reader(message);
    while (reader.next()) {
      auto tag = reader.tag();
      switch (tag) {
        case proto::node::input:
        case proto::node::output: writer.add_string(tag, renamed(reader.get_string())); break;
        case proto::node::name: writer.add_string(tag, prefix + reader.get_string()); break;
        case proto::node::attribute: attribute(reader.get_view(), writer); break;
        default: copy_field(reader, writer);
      }
    }
  }

 private:
  // A formal parameter becomes the caller's value, or absent if the caller omits it; a local name gets the prefix.
  std::string renamed(const std::string& name) const {
    if (name.empty()) return name;
    auto formal = names.find(name);
    return formal == names.end() ? prefix + name : formal->second;
  }

  // A reference is replaced by the call's attribute under this attribute's name; without one, the attribute is absent.
  void attribute(data_view message, pbf_writer& writer) const {
    std::string name, refers;
    pbf_reader reader(message);
    while (reader.next()) {
      if (reader.tag() == proto::attribute::name) name = reader.get_string();
      else if (reader.tag() == proto::attribute::ref_attr_name) refers = reader.get_string();
      else reader.skip();
    }
    auto given = attributes.find(refers);
    if (!refers.empty() && given == attributes.end()) return;
    pbf_writer copy(writer, proto::node::attribute);
    pbf_reader from(refers.empty() ? message : given->second);
    while (from.next()) {
      const auto tag = from.tag();
      if (tag == proto::attribute::name) {
        copy.add_string(tag, name);
        from.skip();
      } else if (refers.empty() && (tag == proto::attribute::g || tag == proto::attribute::graphs)) {
        pbf_writer body(copy, tag);
        graph(from.get_view(), body);
      } else {
        copy_field(from, copy);
      }
    }
  }

  // All names in a subgraph are renamed, its own as well as captured ones: both are local to the function.
  void graph(data_view message, pbf_writer& writer) const {
    pbf_reader reader(message);
    while (reader.next()) {
      auto tag = reader.tag();
      switch (tag) {
        case proto::graph::node: {
          pbf_writer inner(writer, tag);
          node(reader.get_view(), inner);
          break;
        }
        case proto::graph::initializer: with_name(reader.get_view(), proto::tensor::name, writer, tag); break;
        case proto::graph::input:
        case proto::graph::output:
        case proto::graph::value_info: with_name(reader.get_view(), proto::value_info::name, writer, tag); break;
        default: copy_field(reader, writer);
      }
    }
  }

  // Copies a message whose field `name` is a value's name, as field `field` of the message around it.
  void with_name(data_view message, proto::Field name, pbf_writer& writer, proto::Field field) const {
    pbf_writer copy(writer, field);
    pbf_reader reader(message);
    while (reader.next()) {
      if (reader.tag() == name) copy.add_string(name, renamed(reader.get_string()));
      else copy_field(reader, copy);
    }
  }
};

// Calls body(node) for each node of a list and of their subgraphs.
void for_each_node(const std::vector<data_view>& nodes, int depth, const std::function<void(data_view)>& body) {
  if (depth > max_scanned_graph_depth) return;
  for (data_view message : nodes) {
    body(message);
    pbf_reader reader(message);
    while (reader.next(proto::node::attribute)) {
      pbf_reader attribute(reader.get_view());
      while (attribute.next()) {
        if (attribute.tag() != proto::attribute::g && attribute.tag() != proto::attribute::graphs) {
          attribute.skip();
          continue;
        }
        std::vector<data_view> inner;
        pbf_reader graph(attribute.get_view());
        while (graph.next(proto::graph::node)) inner.push_back(graph.get_view());
        for_each_node(inner, depth + 1, body);
      }
    }
  }
}

}  // namespace

std::pair<std::string, int> read_opset(data_view message) {
  std::string domain;
  std::int64_t version = 0;
  pbf_reader reader(message);
  while (reader.next()) {
    if (reader.tag() == proto::opset::domain) domain = reader.get_string();
    else if (reader.tag() == proto::opset::version) version = reader.get_int64();
    else reader.skip();
  }
  if (domain == "ai.onnx") domain.clear();
  // Clamped to the range of int; normalization refuses versions that are too new.
  return {domain, static_cast<int>(std::clamp<std::int64_t>(version, 0, 1 << 20))};
}

// The fields of a NodeProto that matter for a call.
struct Functions::Call {
  std::string op, domain, overload, name;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, data_view> attributes;

  explicit Call(data_view message) {
    pbf_reader reader(message);
    while (reader.next()) {
      switch (reader.tag()) {
        case proto::node::input: inputs.push_back(reader.get_string()); break;
        case proto::node::output: outputs.push_back(reader.get_string()); break;
        case proto::node::name: name = reader.get_string(); break;
        case proto::node::op_type: op = reader.get_string(); break;
        case proto::node::attribute: attributes.insert(named_attribute(reader.get_view())); break;
        case proto::node::domain: domain = reader.get_string(); break;
        case proto::node::overload: overload = reader.get_string(); break;
        default: reader.skip();
      }
    }
    if (domain == "ai.onnx") domain.clear();
  }
};

// Functions are identified by domain, name and overload; IR versions before 10 have no overload, which is then empty.
void Functions::add(data_view message, Faults& faults) {
  Function function;
  Opsets opsets;
  pbf_reader reader(message);
  while (reader.next()) {
    switch (reader.tag()) {
      case proto::function::name: function.name = reader.get_string(); break;
      case proto::function::input: function.inputs.push_back(reader.get_string()); break;
      case proto::function::output: function.outputs.push_back(reader.get_string()); break;
      case proto::function::attribute: function.attributes.push_back(reader.get_string()); break;
      case proto::function::node: function.nodes.push_back(reader.get_view()); break;
      case proto::function::opset_import: opsets.insert(read_opset(reader.get_view())); break;
      case proto::function::domain: function.domain = reader.get_string(); break;
      case proto::function::attribute_proto: function.defaults.insert(named_attribute(reader.get_view())); break;
      case proto::function::overload: function.overload = reader.get_string(); break;
      default: reader.skip();
    }
  }
  if (function.domain == "ai.onnx") function.domain.clear();
  function.opsets = std::make_shared<const Opsets>(std::move(opsets));
  Key key{function.domain, function.name, function.overload};
  std::string text = function.text();
  if (!functions_.emplace(std::move(key), std::move(function)).second) {
    faults.add(
        Error(Kind::bad_input, "duplicate-name", fmt::format("cannot define function '{}' twice", text)).at(file_));
  }
}

const Function* Functions::find(const Call& call) const {
  auto found = functions_.find({call.domain, call.op, call.overload});
  return found == functions_.end() ? nullptr : &found->second;
}

// Computes how deeply the calls of each function nest by depth-first search. A function that is reached again while it
// is still on the stack calls itself.
struct Functions::Checker {
  const Functions& functions;
  Faults& faults;
  std::map<const Function*, std::size_t> depths;  // 0 while a function is being visited
  std::vector<const Function*> stack;

  std::size_t depth(const Function& function) {
    auto [at, fresh] = depths.try_emplace(&function, 0);
    if (!fresh && at->second > 0) return at->second;
    if (!fresh) {
      report_recursion(function);
      return 1;
    }
    std::size_t deepest = 0;
    stack.push_back(&function);
    if (stack.size() <= max_depth) {
      for_each_node(function.nodes, 0, [&](data_view message) {
        if (const Function* called = functions.find(Call(message))) deepest = std::max(deepest, depth(*called));
      });
    }
    stack.pop_back();
    if (deepest + 1 == max_depth || stack.size() == max_depth) {
      faults.add(Error(Kind::bad_input, "too-deep",
                       fmt::format("cannot expand function '{}': its calls nest too deeply", function.text()))
                     .at(functions.file_));
    }
    return depths[&function] = deepest + 1;
  }

  void report_recursion(const Function& function) {
    std::string path;
    for (auto at = std::find(stack.begin(), stack.end(), &function); at != stack.end(); ++at) {
      path += fmt::format("'{}' calls ", (*at)->text());
    }
    faults.add(Error(Kind::bad_input, "recursion",
                     fmt::format("cannot expand function '{}': it calls itself", function.text()))
                   .at(functions.file_)
                   .because(fmt::format("{}'{}'", path, function.text())));
  }
};

void Functions::check_calls(Faults& faults) const {
  Checker checker{*this, faults, {}, {}};
  for (const auto& [key, function] : functions_) checker.depth(function);
}

// Appends the nodes of one call. Checks the call first: its inputs and outputs may be fewer than the formal ones,
// because trailing ones are optional, but not more.
void Functions::expand_into(const Call& call, const Function& function, std::vector<InlinedNode>& nodes,
                            Faults& faults) {
  auto place = [&](Error error) {
    return std::move(error).at(fmt::format("{}: the call of '{}' that computes '{}'", file_, function.text(),
                                           call.outputs.empty() ? "" : call.outputs[0]));
  };
  auto wrong = [&](std::string what) {
    faults.add(place(Error(Kind::bad_input, "bad-call", fmt::format("cannot call '{}': {}", function.text(), what))));
  };
  if (call.inputs.size() > function.inputs.size() || call.outputs.size() > function.outputs.size()) {
    return wrong(fmt::format("it has {} inputs and {} outputs, not {} and {}", function.inputs.size(),
                             function.outputs.size(), call.inputs.size(), call.outputs.size()));
  }
  Rewriter rewriter;
  rewriter.prefix = fmt::format("{}_{}/", function.name, ++calls_);
  rewriter.attributes = call.attributes;
  rewriter.attributes.insert(function.defaults.begin(), function.defaults.end());
  for (const auto& [name, message] : call.attributes) {
    bool known = function.defaults.count(name) > 0 ||
                 std::count(function.attributes.begin(), function.attributes.end(), name) > 0;
    if (!known) wrong(fmt::format("it has no attribute '{}'", name));
  }
  for (std::size_t i = 0; i < function.inputs.size(); ++i) {
    rewriter.names[function.inputs[i]] = i < call.inputs.size() ? call.inputs[i] : "";
  }
  auto write = [&](const std::function<void(pbf_writer&)>& body) {
    std::string& text = messages_->emplace_back();
    pbf_writer writer(text);
    body(writer);
    bytes_ += text.size();
    return data_view(text.data(), text.size());
  };
  // An output that is also an input, or the same as an earlier output, becomes an Identity: a name maps to one value.
  for (std::size_t i = 0; i < call.outputs.size(); ++i) {
    const std::string &formal = function.outputs[i], &actual = call.outputs[i];
    if (actual.empty()) continue;
    auto [at, fresh] = rewriter.names.try_emplace(formal, actual);
    if (fresh) continue;
    std::string source = at->second;
    nodes.push_back({write([&](pbf_writer& writer) {
                       writer.add_string(proto::node::input, source);
                       writer.add_string(proto::node::output, actual);
                       writer.add_string(proto::node::op_type, "Identity");
                     }),
                     function.opsets});
  }
  for (data_view message : function.nodes) {
    if (messages_->size() >= max_nodes || bytes_ > max_bytes) {
      faults.add(place(
          Error(Kind::bad_input, "too-large",
                fmt::format("cannot expand '{}': the model's functions expand to too many nodes", function.text()))));
      return;
    }
    InlinedNode inner{write([&](pbf_writer& writer) { rewriter.node(message, writer); }), function.opsets};
    if (const Function* called = find(Call(inner.message))) expand_into(Call(inner.message), *called, nodes, faults);
    else nodes.push_back(inner);
  }
}

// The entry point for each node of the model. Without functions it costs nothing.
std::vector<InlinedNode> Functions::expand(InlinedNode node, Faults& faults) {
  if (functions_.empty()) return {node};
  Call call(node.message);
  const Function* function = find(call);
  if (function == nullptr) return {node};
  std::vector<InlinedNode> nodes;
  expand_into(call, *function, nodes, faults);
  return nodes;
}

}  // namespace modelctl::onnx
