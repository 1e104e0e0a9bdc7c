// Clients name their inputs in any order; the runtime takes them in the order of the signature. Every missing and every
// unknown name is reported at once.
#include "serve/formats/inputs.hpp"

#include "base/digest.hpp"
#include "base/suggest.hpp"
#include "serve/formats/json_writer.hpp"

#include <fmt/core.h>

namespace modelctl::serve {

Error unreadable(std::string_view what, const json::Cursor& in) {
  return Error(Kind::bad_input, "bad-json", fmt::format("cannot read {}", what)).because(in.fault());
}

Result<std::vector<json::Member>> read_members(json::Cursor& in) {
  std::vector<json::Member> members;
  bool good = in.peek() == '{' ? in.object(members) : in.skip();
  if (good && !in.at_end()) good = in.fail("it goes on after the document's end");
  if (!good) return unreadable("the body", in);
  return members;
}

namespace {

// Bytes that are not text, as TensorFlow Serving takes them.
bool read_base64(json::Cursor& in, std::string& value) {
  std::size_t start = in.at();
  std::string text;
  bool seen = false;
  bool good = in.object([&](const std::string& key) {
    seen = key == "b64";
    return seen ? in.string(text) : in.fail("{\"b64\": …} is expected");
  });
  if (!good) return false;
  auto bytes = from_base64(text);
  if (!seen || !bytes) {
    in.go_to(start);
    return in.fail("{\"b64\": text in base64} is expected");
  }
  value = as_text(*bytes);
  return true;
}

}  // namespace

json::Wanted wanted_input(const artifact::Port& port, std::optional<Dims> shape, const LoadedModel& model) {
  return {port.type, std::move(shape), model.settings().max_memory, non_finite_form(model.settings()), read_base64};
}

Result<Tensor> read_input(json::Cursor& in, std::size_t at, const artifact::Port& port, std::optional<Dims> shape,
                          const LoadedModel& model) {
  Tensor tensor;
  bool stated = shape.has_value();
  in.go_to(at);
  if (!json::read_tensor(in, wanted_input(port, std::move(shape), model), tensor))
    return unreadable(fmt::format("the input '{}'", port.name), in);
  if (!stated && tensor.dims() == Dims{0} && port.dims.size() > 1 && !port.any_rank()) {
    Dims dims{0};
    for (std::size_t i = 1; i < port.dims.size(); ++i) dims.push_back(std::max<std::int64_t>(port.dims[i].size, 0));
    return tensor.reshaped(std::move(dims));
  }
  return tensor;
}

std::string names(const std::vector<artifact::Port>& ports) {
  std::string text;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (i > 0) text += i + 1 == ports.size() ? " and " : ", ";
    text += "'" + ports[i].name + "'";
  }
  return text;
}

Result<const artifact::Port*> find_input(const artifact::Signature& signature, const std::string& name) {
  for (const artifact::Port& port : signature.inputs) {
    if (port.name == name) return &port;
  }
  std::vector<std::string> known;
  for (const artifact::Port& port : signature.inputs) known.push_back(port.name);
  std::string meant = nearest(name, known);
  return Error(Kind::bad_input, "unknown-input",
               meant.empty() ? fmt::format("the model has no input '{}'; it has {}", name, names(signature.inputs))
                             : fmt::format("the model has no input '{}'; did you mean '{}'?", name, meant));
}

Result<std::vector<Tensor>> in_order(const artifact::Signature& signature, std::map<std::string, Tensor> named) {
  Faults faults;
  std::vector<Tensor> inputs;
  for (const artifact::Port& port : signature.inputs) {
    auto found = named.find(port.name);
    if (found == named.end() && port.optional) {
      inputs.emplace_back();
      continue;
    }
    if (found == named.end()) {
      faults.add(Error(Kind::bad_input, "missing-input", fmt::format("the input '{}' is missing", port.name)));
      continue;
    }
    inputs.push_back(std::move(found->second));
    named.erase(found);
  }
  for (const auto& [name, tensor] : named) {
    if (auto unknown = find_input(signature, name); !unknown) faults.add(std::move(unknown).error());
  }
  if (!faults.none()) return std::move(faults).sum("the inputs do not fit the model");
  return inputs;
}

}  // namespace modelctl::serve
