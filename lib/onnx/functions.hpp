// Functions that a model defines itself (FunctionProto, IR version 8 and later): a node that calls one is replaced by
// the function's nodes while the graph is read, with the call's attributes in place of references to them.
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

// A NodeProto, and the opsets of the function that it was inlined from; null: the model's own opsets.
struct InlinedNode {
  protozero::data_view message;
  std::shared_ptr<const Opsets> opsets;
};

// OperatorSetIdProto -> a domain and its version.
std::pair<std::string, int> read_opset(protozero::data_view message);

struct Function {
  std::string domain, name, overload;
  std::vector<std::string> inputs, outputs;
  std::vector<std::string> attributes;                   // names of those without a default
  std::map<std::string, protozero::data_view> defaults;  // AttributeProto, by name
  std::vector<protozero::data_view> nodes;
  std::shared_ptr<const Opsets> opsets;

  std::string text() const { return domain + "::" + name + (overload.empty() ? "" : "::" + overload); }
};

class Functions {
 public:
  // `messages` keeps the encoded nodes that inlining creates: the results of expand() point into it. A deque, because
  // its elements do not move when it grows.
  Functions(std::string file, std::shared_ptr<std::deque<std::string>> messages)
      : file_(std::move(file)), messages_(std::move(messages)) {}

  // Adds a FunctionProto. Throws protozero's exceptions if the encoding is invalid.
  void add(protozero::data_view message, Faults& faults);
  // Adds a fault for each function that calls itself, directly or through others, and for calls that nest too deeply.
  void check_calls(Faults& faults) const;

  // The nodes in place of `node`: itself, or if it calls a function, that function's nodes, recursively expanded.
  std::vector<InlinedNode> expand(InlinedNode node, Faults& faults);

 private:
  struct Call;
  using Key = std::tuple<std::string, std::string, std::string>;  // domain, name, overload

  struct Checker;
  const Function* find(const Call& call) const;
  void expand_into(const Call& call, const Function& function, std::vector<InlinedNode>& nodes, Faults& faults);

  std::string file_;
  std::shared_ptr<std::deque<std::string>> messages_;
  std::map<Key, Function> functions_;
  std::size_t calls_ = 0, bytes_ = 0;  // of expansions so far
};

}  // namespace modelctl::onnx
