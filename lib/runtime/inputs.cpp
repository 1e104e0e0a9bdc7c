// Matches named tensors to a model's inputs and checks them. All faults are collected, so that one message has them
// all.
#include "runtime/inputs.hpp"

#include "base/suggest.hpp"
#include "runtime/model.hpp"
#include "tensor/collection.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <map>

namespace modelctl::runtime {
namespace {

std::string listed(const std::vector<artifact::Port>& ports) {
  std::string text;
  for (const artifact::Port& port : ports) text += fmt::format("{}'{}'", text.empty() ? "" : ", ", port.name);
  return text.empty() ? "none" : text;
}

Error wrong(std::string code, std::string what) { return Error(Kind::bad_input, std::move(code), std::move(what)); }

std::string plural(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

// Where a symbol got its size: the first input that has it.
struct BoundSymbol {
  std::int64_t size;
  std::string where;
};

std::string mismatch(const artifact::Port& port, const TensorView& given);

// What is wrong with the items of a collection; empty if they match the port. The sizes inside are not compared:
// operators check them, as they differ from item to item.
std::string item_mismatch(const artifact::Port& port, const Tensor& value, std::string_view what) {
  if (!value.present()) return fmt::format("{} is missing", what);
  if (value.type() != port.type) return fmt::format("{} is {}", what, describe_value(value.view()));
  return mismatch(port, value.view());
}

std::string mismatch(const artifact::Port& port, const TensorView& given) {
  if (given.type == DType::sequence) {
    const Sequence& sequence = sequence_in(given);
    for (const Tensor& item : sequence.items) {
      if (!item.present()) return "an item is missing";
      if (port.inside.empty()) continue;
      if (auto fault = item_mismatch(port.inside[0], item, "an item"); !fault.empty()) return fault;
    }
    if (port.inside.empty()) return "";
    DType element = port.inside[0].type;
    if (sequence.items.empty() && sequence.element != element && sequence.element != DType::undefined)
      return fmt::format("it is a {}", describe_value(given));
  } else if (given.type == DType::optional) {
    const Tensor& value = optional_in(given).value;
    if (value.present() && !port.inside.empty()) return item_mismatch(port.inside[0], value, "its value");
  } else if (given.type == DType::map) {
    const Map& map = map_in(given);
    if (!map.keys.present() || !map.values.present() || map.keys.dims().size() != 1 ||
        map.keys.dims() != map.values.dims()) {
      return "it has not as many values as keys";
    }
    if (port.inside.size() == 2 && map.keys.type() != port.inside[0].type)
      return fmt::format("its keys are of type {}", name(map.keys.type()));
    if (port.inside.size() == 2 && map.values.type() != port.inside[1].type)
      return fmt::format("its values are of type {}", name(map.values.type()));
  }
  return "";
}

void check_one(const artifact::Port& port, const TensorView& given, std::map<std::string, BoundSymbol>& symbols,
               Faults& faults) {
  if (!given.present() && port.optional) return;
  if (!given.present()) {
    return faults.add(wrong("missing-input", fmt::format("the input '{}' is missing", port.name)));
  }
  std::string is = is_collection(given.type) ? std::string(name(given.type)) : describe(given.type, given.dims);
  if (given.type != port.type) {
    faults.add(wrong("wrong-type",
                     fmt::format("the input '{}' must be of type {}, but is {}", port.name, name(port.type), is)));
  }
  if (is_collection(port.type)) {
    if (given.type != port.type) return;
    if (given.data == nullptr) {
      faults.add(wrong("missing-input", fmt::format("the input '{}' has no data", port.name)));
    } else if (auto fault = mismatch(port, given); !fault.empty()) {
      faults.add(
          wrong("wrong-type", fmt::format("the input '{}' must be {}, but {}", port.name, describe(port), fault)));
    }
    return;
  }
  if (!port.any_rank() && given.rank() != port.dims.size()) {
    return faults.add(wrong("wrong-rank", fmt::format("the input '{}' must have {}, {}, but is {}", port.name,
                                                      plural(port.dims.size(), "dimension"), describe(port), is)));
  }
  auto count = element_count(given.dims);
  if (!count || !byte_size(given.type, given.dims)) {
    return faults.add(wrong("wrong-size", fmt::format("the input '{}' has an impossible size: {}", port.name, is)));
  }
  if (*count > 0 && given.data == nullptr) {
    faults.add(wrong("missing-input", fmt::format("the input '{}' has no data", port.name)));
  }
  if (port.any_rank()) return;
  for (std::size_t axis = 0; axis < port.dims.size(); ++axis) {
    const artifact::PortDim& dim = port.dims[axis];
    std::int64_t size = given.dims[axis];
    if (dim.symbol.empty()) {
      if (size != dim.size) {
        faults.add(wrong("wrong-size", fmt::format("dimension {} of the input '{}' must be {}, but is {}", axis,
                                                   port.name, dim.size, size)));
      }
      continue;
    }
    if (dim.symbol == "?") continue;
    auto [at, fresh] =
        symbols.try_emplace(dim.symbol, BoundSymbol{size, fmt::format("dimension {} of '{}'", axis, port.name)});
    if (!fresh && at->second.size != size) {
      faults.add(wrong("wrong-size", fmt::format("'{}' is {} in {}, but {} in dimension {} of '{}'", dim.symbol,
                                                 at->second.size, at->second.where, size, axis, port.name)));
    }
  }
}

}  // namespace

std::string describe(const artifact::Port& port) {
  std::string text(name(port.type));
  if (is_collection(port.type)) {
    text += '<';
    for (const artifact::Port& inside : port.inside) text += (text.back() == '<' ? "" : ",") + describe(inside);
    return text + (port.inside.empty() ? "?>" : ">");
  }
  text += '[';
  for (std::size_t i = 0; i < port.dims.size(); ++i) {
    if (i > 0) text += ',';
    constexpr std::size_t most = 40;  // characters of a symbolic size, as in graph::Expr::brief()
    const std::string& symbol = port.dims[i].symbol;
    if (symbol.empty()) text += std::to_string(port.dims[i].size);
    else text += symbol.size() <= most ? symbol : symbol.substr(0, most - 1) + "…";
  }
  return text + ']';
}

Result<void> check_inputs(const artifact::Signature& signature, std::span<const TensorView> inputs) {
  if (inputs.size() != signature.inputs.size()) {
    return wrong("wrong-count",
                 fmt::format("the model takes {}, but {} given", plural(signature.inputs.size(), "input"),
                             inputs.size() == 1 ? "1 was" : fmt::format("{} were", inputs.size())))
        .because(fmt::format("its inputs are: {}", listed(signature.inputs)));
  }
  Faults faults;
  std::map<std::string, BoundSymbol> symbols;
  for (std::size_t i = 0; i < inputs.size(); ++i) check_one(signature.inputs[i], inputs[i], symbols, faults);
  if (faults.none()) return {};
  return std::move(faults).sum("the inputs do not fit the model");
}

Result<void> need_tensors(const artifact::Signature& signature, std::string_view what) {
  Faults faults;
  for (const auto* ports : {&signature.inputs, &signature.outputs}) {
    for (const artifact::Port& port : *ports) {
      if (!is_collection(port.type)) continue;
      faults.add(Error(Kind::unsupported, "no-tensor",
                       fmt::format("cannot {}: the {} '{}' is {}, and only tensors can be handed over", what,
                                   ports == &signature.inputs ? "input" : "output", port.name, describe(port)))
                     .help("export the model with tensors instead (skl2onnx: options={'zipmap': False})"));
    }
  }
  if (faults.none()) return {};
  return std::move(faults).sum(fmt::format("cannot {}: it takes or gives what are not tensors", what));
}

Result<std::vector<std::size_t>> match_inputs(const artifact::Signature& signature,
                                              std::span<const std::string> names) {
  std::vector<std::size_t> matched(signature.inputs.size(), not_given);
  Faults faults;
  std::vector<std::string> known;
  for (const artifact::Port& port : signature.inputs) known.push_back(port.name);
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    auto found = std::find(known.begin(), known.end(), names[i]);
    if (found == known.end()) {
      Error error = wrong("unknown-input", fmt::format("the model has no input '{}'", names[i]))
                        .because(fmt::format("its inputs are: {}", listed(signature.inputs)));
      std::string meant = nearest(names[i], known);
      if (!meant.empty()) error.hint = fmt::format("did you mean '{}'?", meant);
      faults.add(std::move(error));
      continue;
    }
    std::size_t& slot = matched[static_cast<std::size_t>(found - known.begin())];
    if (slot != not_given) faults.add(wrong("repeated-input", fmt::format("the input '{}' is given twice", names[i])));
    slot = i;
  }
  std::size_t next = 0;
  std::size_t spare = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!names[i].empty()) continue;
    while (next < matched.size() && matched[next] != not_given) ++next;
    if (next < matched.size()) {
      matched[next] = i;
    } else {
      ++spare;
    }
  }
  if (spare > 0) {
    faults.add(
        wrong("wrong-count", fmt::format("the model takes {}, but {} given", plural(signature.inputs.size(), "input"),
                                         names.size() == 1 ? "1 was" : fmt::format("{} were", names.size())))
            .because(fmt::format("its inputs are: {}", listed(signature.inputs))));
  }
  for (std::size_t i = 0; i < matched.size(); ++i) {
    if (matched[i] == not_given && !signature.inputs[i].optional) {
      faults.add(wrong("missing-input", fmt::format("the input '{}' is missing", known[i]))
                     .because(fmt::format("it must be {}", describe(signature.inputs[i]))));
    }
  }
  if (faults.none()) return matched;
  return std::move(faults).sum("the inputs do not fit the model");
}

}  // namespace modelctl::runtime
