// Functions that a model defines itself: a node that calls one stands for the function's nodes, which take its place as
// the graph is read, with the call's attributes in place of those that refer to them.
#pragma once

#include "onnx/model.hpp"
#include "onnx/wire.hpp"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace modelctl::onnx {

// A node as it is read: its message, and the opsets of the function that it comes from; null: the model's own.
struct PlacedNode {
  protozero::data_view message;
  std::shared_ptr<const Opsets> opsets;
};

// OperatorSetIdProto -> a domain and its version.
std::pair<std::string, int> read_opset(protozero::data_view message);

struct Function {
  std::string domain, name, overload;
  std::vector<std::string> inputs, outputs;
  std::vector<std::string> attributes;                   // names, of those without a default
  std::map<std::string, protozero::data_view> defaults;  // AttributeProto, by name
  std::vector<protozero::data_view> nodes;
  std::shared_ptr<const Opsets> opsets;

  std::string text() const { return domain + "::" + name + (overload.empty() ? "" : "::" + overload); }
};

class Functions {
 public:
  // `written` keeps the nodes that expanding a call makes: the messages answered point into it.
  Functions(std::string file, std::shared_ptr<std::deque<std::string>> written)
      : file_(std::move(file)), written_(std::move(written)) {}

  // A FunctionProto. Throws protozero's exceptions where the encoding is broken.
  void add(protozero::data_view message, Faults& faults);
  // A function that calls itself, however far around, is a fault, and so are calls that nest too deeply.
  void check_calls(Faults& faults) const;

  // What stands for a node: itself, or, where it calls a function, that one's nodes, expanded likewise.
  std::vector<PlacedNode> expand(PlacedNode node, Faults& faults);

 private:
  struct Call;
  using Key = std::tuple<std::string, std::string, std::string>;  // domain, name, overload

  struct Checker;
  const Function* find(const Call& call) const;
  void expand_into(const Call& call, const Function& function, std::vector<PlacedNode>& nodes, Faults& faults);

  std::string file_;
  std::shared_ptr<std::deque<std::string>> written_;
  std::map<Key, Function> functions_;
  std::size_t calls_ = 0, made_ = 0;
};

}  // namespace modelctl::onnx
