// The printer of text.hpp's grammar. Its output depends only on the graph, never on addresses or hash order, because
// golden tests and the determinism tests compare it byte by byte.
#include "graph/text.hpp"

#include "graph/expr_text.hpp"

#include "tensor/dispatch.hpp"

#include <fmt/format.h>

#include <cmath>

namespace modelctl::graph {
namespace {

// Names of values may contain characters that symbols may not: "/layer1/conv/Conv_output_0" needs no quotes.
std::string value_identifier(std::string_view name) {
  bool plain = !name.empty() && name != "_" && name != "input" && name != "const" && name != "output" && name != "meta";
  for (char c : name) {
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    plain = plain && (letter || c == '_' || c == '.' || c == '/' || c == '-' || c == '$');
  }
  return plain ? std::string(name) : quoted(name);
}

// The shortest text that parses to the same number, always with a point or an exponent so that it is not an integer.
template <class T>
std::string float_text(T value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  std::erase(text, '+');  // of an exponent
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string element_text(float value) { return float_text(value); }
std::string element_text(double value) { return float_text(value); }
std::string element_text(bool value) { return value ? "true" : "false"; }
std::string element_text(const std::string& value) { return quoted(value); }
template <class T>
requires std::is_integral_v<T> std::string element_text(T value) { return std::to_string(value); }

using Decimal = TypeList<float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                         std::uint16_t, std::uint32_t, std::uint64_t, bool, std::string>;

template <class List>
std::string list_text(const List& list, std::string_view empty) {
  if (list.empty()) return std::string(empty) + "[]";
  std::string text;
  for (const auto& item : list) text += (text.empty() ? "[" : ", ") + element_text(item);
  return text + "]";
}

class Printer {
 public:
  explicit Printer(const TextOptions& options) : options_(options) {}

  void print(const Graph& graph, int depth) {
    out_ += fmt::format("graph {} {{\n", quoted(graph.name));
    std::string indent(static_cast<std::size_t>(depth + 1) * 2, ' ');
    for (const auto& [key, value] : graph.metadata) {
      out_ += fmt::format("{}meta {} {}\n", indent, quoted(key), quoted(value));
    }
    for (const Value* value : graph.inputs) out_ += fmt::format("{}input {}\n", indent, typed(*value));
    // Constants are printed before the nodes, wherever they were made: the parser needs a definition above each use.
    for (const Value* value : graph.values()) {
      if (!value->is_constant()) continue;
      out_ += fmt::format("{}const {}: {} = {}\n", indent, value_identifier(value->name), type_text(value->type),
                          data(value->constant));
    }
    for (const auto& node : graph.nodes()) {
      out_ += indent;
      print_node(*node, depth + 1);
      out_ += '\n';
    }
    for (std::size_t i = 0; i < graph.outputs().size(); ++i) {
      out_ += fmt::format("{}output {}", indent, value_identifier(graph.outputs()[i]->name));
      if (graph.output_names()[i] != graph.outputs()[i]->name) { out_ += " = " + quoted(graph.output_names()[i]); }
      out_ += '\n';
    }
    out_ += std::string(static_cast<std::size_t>(depth) * 2, ' ') + "}";
  }

  std::string take() { return std::move(out_); }

 private:
  // A value where it is defined: name, type, known elements.
  static std::string typed(const Value& value) {
    std::string text = value_identifier(value.name);
    if (value.type.element != DType::undefined || value.type.shape) text += ": " + type_text(value.type);
    if (!value.contents) return text;
    text += " {";
    for (std::size_t i = 0; i < value.contents->size(); ++i) text += (i == 0 ? "" : ", ") + (*value.contents)[i].text();
    return text + "}";
  }

  // For types without a decimal form: f16, bf16, small floats, packed and complex types.
  static std::string hex(const Tensor& tensor) {
    std::string text;
    for (std::byte byte : tensor.bytes()) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
    return quoted(text);
  }

  // Elided data is read back as pseudorandom numbers of the constant's name: such a text describes a graph, not a
  // model.
  std::string data(const Tensor& tensor) const {
    if (tensor.elements() > options_.max_elements) return "...";
    return all_data(tensor);
  }

  static std::string all_data(const Tensor& tensor) {
    std::string text = "[";
    bool decimal = with_type<Decimal>(tensor.type(), [&]<class T>() {
      for (const T& element : tensor.as<T>()) text += (text.size() == 1 ? "" : ", ") + element_text(element);
    });
    return decimal ? text + "]" : hex(tensor);
  }

  std::string attribute(const AttributeValue& value) const {
    struct Visitor {
      const Printer& printer;
      std::string operator()(std::int64_t number) const { return std::to_string(number); }
      std::string operator()(float number) const { return float_text(number); }
      std::string operator()(const std::string& text) const { return quoted(text); }
      std::string operator()(const Tensor& tensor) const {
        if (!tensor.present()) return "tensor";
        return fmt::format("tensor {} {}", modelctl::describe(tensor.type(), tensor.dims()), printer.data(tensor));
      }
      std::string operator()(const std::vector<std::int64_t>& list) const { return list_text(list, "ints"); }
      std::string operator()(const std::vector<float>& list) const { return list_text(list, "floats"); }
      std::string operator()(const std::vector<std::string>& list) const { return list_text(list, "strings"); }
    };
    return std::visit(Visitor{*this}, value);
  }

  // Subgraphs are printed inline as attributes, one level deeper.
  void print_node(const Node& node, int depth) {
    for (std::size_t i = 0; i < node.outputs().size(); ++i) {
      const Value* value = node.outputs()[i];
      out_ += (i == 0 ? "" : ", ") + (value == nullptr ? std::string("_") : typed(*value));
    }
    out_ += fmt::format(
        " = {}(", value_identifier(node.op).insert(0, node.domain.empty() ? "" : value_identifier(node.domain) + "::"));
    for (std::size_t i = 0; i < node.inputs().size(); ++i) {
      const Value* value = node.inputs()[i];
      out_ += (i == 0 ? "" : ", ") + (value == nullptr ? std::string("_") : value_identifier(value->name));
    }
    out_ += ')';
    if (!node.name.empty()) out_ += " " + quoted(node.name);
    if (node.attributes.size() == 0 && node.subgraphs.empty()) return;
    std::string_view separator = " {";
    for (const auto& [name, value] : node.attributes) {
      out_ += fmt::format("{}{}: {}", separator, value_identifier(name), attribute(value));
      separator = ", ";
    }
    for (const auto& [name, sub] : node.subgraphs) {
      out_ += fmt::format("{}{}: ", separator, value_identifier(name));
      print(*sub, depth);
      separator = ", ";
    }
    out_ += '}';
  }

  const TextOptions& options_;
  std::string out_;  // indentation is two spaces per level of nested graphs
};

}  // namespace

std::string to_text(const Graph& graph, const TextOptions& options) {
  Printer printer(options);
  printer.print(graph, 0);
  return printer.take() + "\n";
}

}  // namespace modelctl::graph
