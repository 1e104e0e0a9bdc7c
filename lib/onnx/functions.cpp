// Expansion happens on the encoded messages: a body's node is written anew with the names of the call, and is read by
// the same code as every other node. Names of a body get the call's number in front, so that two calls do not meet.
#include "onnx/functions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace modelctl::onnx {

using protozero::data_view;
using protozero::pbf_reader;
using protozero::pbf_wire_type;
using protozero::pbf_writer;

namespace {

// More nodes than any model has; functions that call each other twice would be without bound.
constexpr std::size_t max_nodes = 1'000'000;
constexpr std::size_t max_bytes = 1u << 30;
constexpr std::size_t max_depth = 64;  // of calls within calls

std::pair<std::string, data_view> named_attribute(data_view message) {
  pbf_reader reader(message);
  std::string name;
  while (reader.next()) {
    if (reader.tag() == 1) name = reader.get_string();
    else reader.skip();
  }
  return {name, message};
}

void copy_field(pbf_reader& reader, pbf_writer& writer) {
  auto tag = reader.tag();  // reading the value may forget it
  switch (reader.wire_type()) {
    case pbf_wire_type::varint: writer.add_uint64(tag, reader.get_uint64()); break;
    case pbf_wire_type::fixed64: writer.add_fixed64(tag, reader.get_fixed64()); break;
    case pbf_wire_type::fixed32: writer.add_fixed32(tag, reader.get_fixed32()); break;
    case pbf_wire_type::length_delimited: writer.add_message(tag, reader.get_view()); break;
    default: throw WrongWireType();
  }
}

// One call's names and attributes, put in place of a body's.
class Rewriter {
 public:
  std::string prefix;
  std::map<std::string, std::string> names;     // formal parameters -> values of the caller
  std::map<std::string, data_view> attributes;  // of the call, and the function's defaults

  void node(data_view message, pbf_writer& writer) const {
    pbf_reader reader(message);
    while (reader.next()) {
      auto tag = reader.tag();
      switch (tag) {
        case 1:
        case 2: writer.add_string(tag, renamed(reader.get_string())); break;
        case 3: writer.add_string(3, prefix + reader.get_string()); break;
        case 5: attribute(reader.get_view(), writer); break;
        default: copy_field(reader, writer);
      }
    }
  }

 private:
  std::string renamed(const std::string& name) const {
    if (name.empty()) return name;
    auto formal = names.find(name);
    return formal == names.end() ? prefix + name : formal->second;
  }

  // One that refers to an attribute of the call is that one by another name, or, where the call has none, absent.
  void attribute(data_view message, pbf_writer& writer) const {
    std::string name, refers;
    pbf_reader reader(message);
    while (reader.next()) {
      if (reader.tag() == 1) name = reader.get_string();
      else if (reader.tag() == 21) refers = reader.get_string();
      else reader.skip();
    }
    auto given = attributes.find(refers);
    if (!refers.empty() && given == attributes.end()) return;
    pbf_writer copy(writer, 5);
    pbf_reader from(refers.empty() ? message : given->second);
    while (from.next()) {
      if (from.tag() == 1) {
        copy.add_string(1, name);
        from.skip();
      } else if (refers.empty() && (from.tag() == 6 || from.tag() == 11)) {  // a graph of the body; graphs
        pbf_writer body(copy, from.tag());
        graph(from.get_view(), body);
      } else {
        copy_field(from, copy);
      }
    }
  }

  void graph(data_view message, pbf_writer& writer) const {
    pbf_reader reader(message);
    while (reader.next()) {
      auto tag = reader.tag();
      switch (tag) {
        case 1: {
          pbf_writer inner(writer, 1);
          node(reader.get_view(), inner);
          break;
        }
        case 5: with_name(reader.get_view(), 8, writer, tag); break;  // initializer
        case 11:                                                      // input
        case 12:                                                      // output
        case 13: with_name(reader.get_view(), 1, writer, tag); break;
        default: copy_field(reader, writer);
      }
    }
  }

  // A message whose name is its field `tag`.
  void with_name(data_view message, protozero::pbf_tag_type tag, pbf_writer& writer,
                 protozero::pbf_tag_type field) const {
    pbf_writer copy(writer, field);
    pbf_reader reader(message);
    while (reader.next()) {
      if (reader.tag() == tag) copy.add_string(tag, renamed(reader.get_string()));
      else copy_field(reader, copy);
    }
  }
};

// Calls body(node) for each node of a list, and of the graphs within.
void for_each_node(const std::vector<data_view>& nodes, int depth, const std::function<void(data_view)>& body) {
  if (depth > 32) return;  // the reader refuses it
  for (data_view message : nodes) {
    body(message);
    pbf_reader reader(message);
    while (reader.next(5)) {
      pbf_reader attribute(reader.get_view());
      while (attribute.next()) {
        if (attribute.tag() != 6 && attribute.tag() != 11) {
          attribute.skip();
          continue;
        }
        std::vector<data_view> inner;
        pbf_reader graph(attribute.get_view());
        while (graph.next(1)) inner.push_back(graph.get_view());
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
    if (reader.tag() == 1) domain = reader.get_string();
    else if (reader.tag() == 2) version = reader.get_int64();
    else reader.skip();
  }
  if (domain == "ai.onnx") domain.clear();
  // The version is kept within int's reach; what is too new is refused by its number later.
  return {domain, static_cast<int>(std::clamp<std::int64_t>(version, 0, 1 << 20))};
}

// A node, as far as it is a call.
struct Functions::Call {
  std::string op, domain, overload, name;
  std::vector<std::string> inputs, outputs;
  std::map<std::string, data_view> attributes;

  explicit Call(data_view message) {
    pbf_reader reader(message);
    while (reader.next()) {
      switch (reader.tag()) {
        case 1: inputs.push_back(reader.get_string()); break;
        case 2: outputs.push_back(reader.get_string()); break;
        case 3: name = reader.get_string(); break;
        case 4: op = reader.get_string(); break;
        case 5: attributes.insert(named_attribute(reader.get_view())); break;
        case 7: domain = reader.get_string(); break;
        case 8: overload = reader.get_string(); break;
        default: reader.skip();
      }
    }
    if (domain == "ai.onnx") domain.clear();
  }
};

void Functions::add(data_view message, Faults& faults) {
  Function function;
  Opsets opsets;
  pbf_reader reader(message);
  while (reader.next()) {
    switch (reader.tag()) {
      case 1: function.name = reader.get_string(); break;
      case 4: function.inputs.push_back(reader.get_string()); break;
      case 5: function.outputs.push_back(reader.get_string()); break;
      case 6: function.attributes.push_back(reader.get_string()); break;
      case 7: function.nodes.push_back(reader.get_view()); break;
      case 9: opsets.insert(read_opset(reader.get_view())); break;
      case 10: function.domain = reader.get_string(); break;
      case 11: function.defaults.insert(named_attribute(reader.get_view())); break;
      case 13: function.overload = reader.get_string(); break;
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

// How deeply the calls of each function nest, found depth first.
struct Functions::Checker {
  const Functions& functions;
  Faults& faults;
  std::map<const Function*, std::size_t> depths;  // 0 while a function is being visited
  std::vector<const Function*> open;

  std::size_t depth(const Function& function) {
    auto [at, fresh] = depths.try_emplace(&function, 0);
    if (!fresh && at->second > 0) return at->second;
    if (!fresh) {
      tell_recursion(function);
      return 1;
    }
    std::size_t deepest = 0;
    open.push_back(&function);
    if (open.size() <= max_depth) {
      for_each_node(function.nodes, 0, [&](data_view message) {
        if (const Function* called = functions.find(Call(message))) deepest = std::max(deepest, depth(*called));
      });
    }
    open.pop_back();
    if (deepest + 1 == max_depth || open.size() == max_depth) {
      faults.add(Error(Kind::bad_input, "too-deep",
                       fmt::format("cannot expand function '{}': its calls nest too deeply", function.text()))
                     .at(functions.file_));
    }
    return depths[&function] = deepest + 1;
  }

  void tell_recursion(const Function& function) {
    std::string path;
    for (auto at = std::find(open.begin(), open.end(), &function); at != open.end(); ++at) {
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

void Functions::expand_into(const Call& call, const Function& function, std::vector<PlacedNode>& nodes,
                            Faults& faults) {
  auto place = [&](Error error) {
    return std::move(error).at(fmt::format("{}: the call of '{}' that makes '{}'", file_, function.text(),
                                           call.outputs.empty() ? "" : call.outputs[0]));
  };
  auto wrong = [&](std::string what) {
    faults.add(place(Error(Kind::bad_input, "bad-call", fmt::format("cannot call '{}': {}", function.text(), what))));
  };
  if (call.inputs.size() > function.inputs.size() || call.outputs.size() > function.outputs.size()) {
    return wrong(fmt::format("it takes {} inputs and gives {} outputs, not {} and {}", function.inputs.size(),
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
    std::string& text = written_->emplace_back();
    pbf_writer writer(text);
    body(writer);
    made_ += text.size();
    return data_view(text.data(), text.size());
  };
  // An output that is an input, or another output too, is a copy of it.
  for (std::size_t i = 0; i < call.outputs.size(); ++i) {
    const std::string &formal = function.outputs[i], &actual = call.outputs[i];
    if (actual.empty()) continue;
    auto [at, fresh] = rewriter.names.try_emplace(formal, actual);
    if (fresh) continue;
    std::string source = at->second;
    nodes.push_back({write([&](pbf_writer& writer) {
                       writer.add_string(1, source);
                       writer.add_string(2, actual);
                       writer.add_string(4, "Identity");
                     }),
                     function.opsets});
  }
  for (data_view message : function.nodes) {
    if (written_->size() >= max_nodes || made_ > max_bytes) {
      faults.add(place(
          Error(Kind::bad_input, "too-large",
                fmt::format("cannot expand '{}': the model's functions stand for too many nodes", function.text()))));
      return;
    }
    PlacedNode inner{write([&](pbf_writer& writer) { rewriter.node(message, writer); }), function.opsets};
    if (const Function* called = find(Call(inner.message))) expand_into(Call(inner.message), *called, nodes, faults);
    else nodes.push_back(inner);
  }
}

std::vector<PlacedNode> Functions::expand(PlacedNode node, Faults& faults) {
  if (functions_.empty()) return {node};
  Call call(node.message);
  const Function* function = find(call);
  if (function == nullptr) return {node};
  std::vector<PlacedNode> nodes;
  expand_into(call, *function, nodes, faults);
  return nodes;
}

}  // namespace modelctl::onnx
