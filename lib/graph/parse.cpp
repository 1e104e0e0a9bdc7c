// The parser of text.hpp's grammar: recursive descent over the characters that stops at the first error and reports its
// line. Tests are its main user, but the fuzzer feeds it too, so depth, rank, elements and bytes are bounded.
#include "graph/expr_text.hpp"
#include "graph/text.hpp"

#include "tensor/dispatch.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <limits>
#include <unordered_map>

namespace modelctl::graph {
namespace {

using Decimal = TypeList<float, double, std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t,
                         std::uint16_t, std::uint32_t, std::uint64_t, bool, std::string>;

// Parses a whole token; a prefix that would parse is an error.
template <class T>
bool read_element(std::string_view token, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    value = token == "true";
    return token == "true" || token == "false";
  } else {
    auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
    return error == std::errc() && end == token.data() + token.size();
  }
}

// Small pseudorandom numbers for constants that the text elides: a linear congruential generator (the constants are
// those of Numerical Recipes) seeded with the FNV-1a hash of the name, so that every platform computes the same test.
class Filler {
 public:
  explicit Filler(std::string_view name) {
    for (char c : name) state_ = (state_ ^ static_cast<unsigned char>(c)) * 16777619u;
  }
  int next() {  // in [-8, 8]
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<int>((state_ >> 16) % 17) - 8;
  }

 private:
  std::uint32_t state_ = 2166136261u;
};

void fill(Tensor& tensor, std::string_view name) {
  Filler filler(name);
  bool known = with_type<Decimal>(tensor.type(), [&]<class T>() {
    for (T& element : tensor.mutable_view().as<T>()) {
      int number = filler.next();
      if constexpr (std::is_same_v<T, std::string>) element = std::to_string(number);
      else if constexpr (std::is_floating_point_v<T>) element = static_cast<T>(number) / 8;
      else if constexpr (std::is_same_v<T, bool>) element = number > 0;
      else element = static_cast<T>(std::is_signed_v<T> ? number : number + 8);
    }
  });
  (void)known;  // other types stay zero
}

class Parser {
 public:
  Parser(std::string_view text, std::string_view name, const TextOptions& options)
      : text_(text), name_(name), options_(options) {}

  Result<std::unique_ptr<Graph>> all() {
    TRY(word("graph"));
    auto graph = std::make_unique<Graph>(TRY(string()));
    TRY(body(*graph, 0));
    skip();
    if (at_ != text_.size()) return bad("expected the end of the text");
    // A graph that parses but does not verify is an error in the text, not a bug in a pass.
    if (auto sound = verify(*graph); !sound) {
      Error error = std::move(sound).error();
      error.kind = Kind::bad_input;
      error.code = "bad-graph-text";
      return error;
    }
    return graph;
  }

  Result<Type> type_alone() {
    Type of = TRY(type());
    skip();
    if (at_ != text_.size()) return bad("expected the end of the type");
    return of;
  }

 private:
  static constexpr int max_depth = max_graph_depth;

  // Lines are counted only when there is an error to report.
  Error bad(std::string what) const {
    std::size_t line = 1;
    for (std::size_t i = 0; i < at_ && i < text_.size(); ++i) line += text_[i] == '\n';
    return Error(Kind::bad_input, "bad-graph-text", std::move(what)).at(fmt::format("{}:{}", name_, line));
  }

  void skip() {
    while (at_ < text_.size()) {
      if (text_[at_] == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r') {
        ++at_;
      } else {
        return;
      }
    }
  }
  bool peek(std::string_view token) {
    skip();
    return text_.substr(at_, token.size()) == token;
  }
  bool take(std::string_view token) {
    if (!peek(token)) return false;
    at_ += token.size();
    return true;
  }
  Result<void> expect(std::string_view token) {
    if (!take(token)) return bad(fmt::format("expected '{}'", token));
    return {};
  }
  // Names of nodes, values and operators, numbers and keywords are all such tokens, so that a keyword is one only where
  // the grammar has it. Mirrors value_identifier of text.cpp, which quotes everything else.
  std::string_view bare() {
    skip();
    std::size_t begin = at_;
    while (at_ < text_.size()) {
      char c = text_[at_];
      bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
      if (!letter && c != '_' && c != '.' && c != '/' && c != '-' && c != '$') break;
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }
  // Takes `_`, but not a name that merely starts with it.
  bool take_absent() {
    std::size_t before = at_;
    if (bare() == "_") return true;
    at_ = before;
    return false;
  }
  Result<void> word(std::string_view expected) {
    if (bare() != expected) return bad(fmt::format("expected '{}'", expected));
    return {};
  }
  Result<std::string> string() {
    skip();
    if (at_ >= text_.size() || text_[at_] != '"') return bad("expected a text in quotes");
    auto value = read_quoted(text_, at_);
    if (!value) return bad("a text in quotes does not end");
    return std::move(*value);
  }
  Result<std::string> identifier() {
    if (peek("\"")) return string();
    std::string_view token = bare();
    if (token.empty()) return bad("expected a name");
    return std::string(token);
  }

  // Everything up to one of `stops` outside of parentheses and quotes.
  std::string_view until(std::string_view stops) {
    skip();
    std::size_t begin = at_;
    int depth = 0;
    while (at_ < text_.size() && text_[at_] != '\n') {
      char c = text_[at_];
      if (c == '"') {
        if (!read_quoted(text_, at_)) at_ = text_.size();
        continue;
      }
      if (depth == 0 && stops.find(c) != std::string_view::npos) break;
      depth += (c == '(') - (c == ')');
      ++at_;
    }
    return text_.substr(begin, at_ - begin);
  }
  Result<Expr> expr(std::string_view stops) {
    std::string_view token = until(stops);
    auto value = Expr::parse(token);
    if (!value) return bad(fmt::format("'{}' is not a size", token));
    return *value;
  }

  // Recursive for collections, whose nesting is bounded.
  Result<Type> type(int depth = 0) {
    Type type;
    if (depth > max_type_depth) return bad("a type nests too deeply");
    if (!take("?")) {
      std::string_view token = bare();
      auto element = dtype_from_name(token);
      if (!element) return bad(fmt::format("'{}' is not an element type", token));
      type.element = *element;
    }
    if (is_collection(type.element)) {
      TRY(expect("<"));
      if (type.element == DType::map && !take("?")) {
        auto key = dtype_from_name(bare());
        if (key != DType::i64 && key != DType::string) return bad("a map's keys are i64 or string");
        type.key = *key;
      }
      if (type.element == DType::map) TRY(expect(","));
      Type inside = TRY(this->type(depth + 1));
      bool known = inside.element != DType::undefined || inside.shape;
      if (known) type.inside = std::make_shared<const Type>(std::move(inside));
      type.shape.emplace();
      TRY(expect(">"));
      return type;
    }
    TRY(expect("["));
    if (take("?")) {
      TRY(expect("]"));
      return type;
    }
    type.shape.emplace();
    while (!take("]")) {
      if (!type.shape->empty()) TRY(expect(","));
      if (type.shape->size() == max_rank) return bad("the rank is too large");
      type.shape->push_back(TRY(expr(",]")));
    }
    return type;
  }

  // The dimensions of a constant. They are checked against max_parsed_bytes before anything is allocated, because `...`
  // claims any number of elements with three characters.
  Result<Dims> dims_of(const Type& type) {
    Dims dims;
    if (!type.shape) return bad("a constant needs its dimensions");
    for (const Expr& dim : *type.shape) {
      if (!dim.constant()) return bad("a constant's dimensions are numbers");
      dims.push_back(*dim.constant());
    }
    auto size = byte_size(type.element, dims);
    bool sized = is_plain(type.element) || type.element == DType::string;
    if (!sized || !size || *size > options_.max_parsed_bytes) {
      return bad(fmt::format("a constant {} is too large or not of a plain type", describe(type)));
    }
    return dims;
  }

  Result<Tensor> tensor(const Type& type, std::string_view name) {
    Tensor tensor(type.element, TRY(dims_of(type)));
    if (take("...")) {
      fill(tensor, name);
      return tensor;
    }
    if (peek("\"")) {
      TRY(hex(tensor));
      return tensor;
    }
    TRY(expect("["));
    Result<void> read;
    bool decimal = with_type<Decimal>(tensor.type(), [&]<class T>() {
      bool first = true;
      for (T& element : tensor.mutable_view().as<T>()) {
        if (!first && !take(",")) read = bad("expected ','");
        first = false;
        if (!read) return;
        if constexpr (std::is_same_v<T, std::string>) {
          auto text = string();
          if (text) element = std::move(*text);
          else read = text.error();
        } else if (!read_element(bare(), element)) {
          read = bad(fmt::format("expected an element of type {}", modelctl::name(tensor.type())));
        }
        if (!read) return;
      }
    });
    if (!decimal) return bad("elements of this type are hexadecimal bytes in quotes");
    TRY(std::move(read));
    TRY(expect("]"));
    return tensor;
  }

  // The number of digits must match exactly: a shorter text would leave elements undefined.
  Result<void> hex(Tensor& tensor) {
    std::string digits = TRY(string());
    if (tensor.type() == DType::string || digits.size() != tensor.bytes().size() * 2) {
      return bad("the hexadecimal bytes are not as many as the constant has");
    }
    auto* bytes = static_cast<std::uint8_t*>(tensor.mutable_view().data);
    for (std::size_t i = 0; i < digits.size(); i += 2) {
      auto [end, error] = std::from_chars(&digits[i], &digits[i] + 2, bytes[i / 2], 16);
      if (error != std::errc() || end != &digits[i] + 2) return bad("expected hexadecimal digits");
    }
    return {};
  }

  // What defines a value: its name, and the type and elements that are known.
  struct Typed {
    std::string name;
    Type type;
    std::optional<std::vector<Expr>> contents;
  };

  // The known elements of a shape value are sizes, possibly symbolic, in braces: s: i64[2] {batch, 12}.
  Result<Typed> typed() {
    Typed result{TRY(identifier()), {}, {}};
    if (take(":")) result.type = TRY(type());
    if (!take("{")) return result;
    result.contents.emplace();
    while (!take("}")) {
      if (!result.contents->empty()) TRY(expect(","));
      if (result.contents->size() == Value::max_contents) return bad("too many known elements");
      result.contents->push_back(TRY(expr(",}")));
    }
    return result;
  }

  // Fails if this graph already has a value of that name. A name of an enclosing graph may be shadowed.
  Result<void> define(const Graph& graph, const std::string& name) {
    if (const Value* old = graph.find_value(name); old != nullptr && &old->graph() == &graph) {
      return bad(fmt::format("'{}' is defined twice", name));
    }
    return {};
  }

  // Found in this graph, then in those around it, as find_value does: a subgraph captures by name. What is defined
  // further below is not found, so that a text cannot describe a cycle.
  Result<Value*> use(const Graph& graph) {
    std::string name = TRY(identifier());
    Value* value = graph.find_value(name);
    if (value == nullptr) return bad(fmt::format("'{}' is used but not defined above", name));
    return value;
  }

  Result<void> body(Graph& graph, int depth) {
    if (depth > max_depth) return bad("the graphs nest too deeply");
    TRY(expect("{"));
    while (!take("}")) {
      std::size_t line = at_;
      std::string_view keyword = peek("\"") ? std::string_view() : bare();
      if (keyword == "meta") {
        std::string key = TRY(string());
        graph.metadata[key] = TRY(string());
      } else if (keyword == "input") {
        Typed input = TRY(typed());
        TRY(define(graph, input.name));
        graph.add_input(input.name, input.type)->contents = std::move(input.contents);
      } else if (keyword == "const") {
        std::string name = TRY(identifier());
        TRY(define(graph, name));
        TRY(expect(":"));
        Type of = TRY(type());
        TRY(expect("="));
        graph.add_constant(name, TRY(tensor(of, name)));
      } else if (keyword == "output") {
        Value* value = TRY(use(graph));
        graph.add_output(value, take("=") ? TRY(string()) : value->name);
      } else {
        at_ = line;
        TRY(node(graph, depth));
      }
    }
    return {};
  }

  // The inputs are resolved before the outputs are defined, so that a node cannot use its own output.
  Result<void> node(Graph& graph, int depth) {
    std::vector<std::optional<Typed>> made;
    do {
      if (take_absent()) made.emplace_back();
      else made.emplace_back(TRY(typed()));
    } while (take(","));
    TRY(expect("="));
    std::string domain, op = TRY(identifier());
    if (take("::")) {
      domain = std::move(op);
      op = TRY(identifier());
    }
    TRY(expect("("));
    std::vector<Value*> inputs;
    while (!take(")")) {
      if (!inputs.empty()) TRY(expect(","));
      inputs.push_back(take_absent() ? nullptr : TRY(use(graph)));
    }
    std::vector<Value*> outputs;
    for (auto& output : made) {
      if (!output) {
        outputs.push_back(nullptr);
        continue;
      }
      TRY(define(graph, output->name));
      outputs.push_back(graph.add_value(output->name, output->type));
      outputs.back()->contents = std::move(output->contents);
    }
    Node* node = graph.add_node_for(domain, op, std::move(inputs), std::move(outputs));
    if (peek("\"")) node->name = TRY(string());
    if (!take("{")) return {};
    for (bool first = true; !take("}"); first = false) {
      if (!first) TRY(expect(","));
      std::string name = TRY(identifier());
      TRY(expect(":"));
      std::size_t before = at_;
      if (bare() == "graph") {
        TRY(body(node->add_subgraph(name, TRY(string())), depth + 1));
      } else {
        at_ = before;
        node->attributes.set(name, TRY(attribute(name)));
      }
    }
    return {};
  }

  // The token decides the type: "…" is a text, 1 an integer, 1.0 a float. An integer is tried first, and the printer
  // writes each float with a point or an exponent, so that what it prints is read back as what it was.
  Result<AttributeValue> attribute(const std::string& name) {
    if (peek("\"")) return AttributeValue(TRY(string()));
    if (peek("[")) return list();
    std::string_view token = bare();
    if (token == "tensor") {
      skip();
      if (peek(",") || peek("}")) return AttributeValue(Tensor());
      Type of = TRY(type());
      return AttributeValue(TRY(tensor(of, name)));
    }
    if (token == "ints" || token == "floats" || token == "strings") {
      TRY(expect("[]"));
      if (token == "ints") return AttributeValue(std::vector<std::int64_t>());
      if (token == "floats") return AttributeValue(std::vector<float>());
      return AttributeValue(std::vector<std::string>());
    }
    std::int64_t integer = 0;
    if (read_element(token, integer)) return AttributeValue(integer);
    float number = 0;
    if (read_element(token, number)) return AttributeValue(number);
    return bad(fmt::format("'{}' is not an attribute value", token));
  }

  // A list is integers if all of its numbers are, and floats otherwise; every number is therefore read as both.
  Result<AttributeValue> list() {
    TRY(expect("["));
    std::vector<std::int64_t> integers;
    std::vector<float> numbers;
    std::vector<std::string> texts;
    bool all_integers = true;
    while (!take("]")) {
      if (!numbers.empty() || !texts.empty()) TRY(expect(","));
      if (peek("\"")) {
        texts.push_back(TRY(string()));
        continue;
      }
      std::string_view token = bare();
      std::int64_t integer = 0;
      float number = 0;
      if (read_element(token, integer)) integers.push_back(integer);
      else all_integers = false;
      if (!read_element(token, number)) return bad(fmt::format("'{}' is not a number", token));
      numbers.push_back(number);
    }
    if (!texts.empty() && numbers.empty()) return AttributeValue(std::move(texts));
    if (!texts.empty() || numbers.empty())
      return bad("a list holds one kind of value; write ints[], floats[] or strings[] if it is empty");
    if (all_integers) return AttributeValue(std::move(integers));
    return AttributeValue(std::move(numbers));
  }

  std::string_view text_;
  std::string_view name_;
  const TextOptions& options_;
  std::size_t at_ = 0;
};

}  // namespace

Result<Type> parse_type(std::string_view text) {
  TextOptions options;
  return Parser(text, "type", options).type_alone();
}

Result<std::unique_ptr<Graph>> parse_text(std::string_view text, std::string_view name, const TextOptions& options) {
  return Parser(text, name, options).all();
}

}  // namespace modelctl::graph
