// JSON tensors, in any of these forms:
//   [[1, 2], [3, 4]]                                                  a list; its type is what the model expects
//   {"datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4]}       one tensor; data nested or flat
//   {"x": <either of those>, "y": …}                                  several, by name
//   {"key": 1.5, "other": 2}                                          a map, if the model expects one
//   {"sequence": [<any>, …]}, {"optional": <any>}, {"map": {…}}       what is not a tensor
//   {"inputs": [{"name": "x", "datatype": …, "shape": …, "data": …}]} a request of the Open Inference Protocol V2, or
//                                                                     a response, with "outputs"
// The lists themselves are read by json/tensor.hpp, as those of requests are. Written here rather than with a library:
// this links into the smallest runner, and a list of a million numbers is never held as a document.
#include "tensor/formats.hpp"

#include "tensor/collection.hpp"
#include "tensor/json/tensor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace modelctl::formats {
namespace {

// Reads the tensors of one document. Every member that can fail returns false and leaves the reason in the cursor.
class TensorReader {
 public:
  TensorReader(std::string_view text, const Source& source) : in_(text), source_(source) {}

  Result<std::vector<NamedTensor>> read() {
    std::vector<NamedTensor> tensors;
    bool good = in_.peek() == '{' ? document(tensors) : one("", in_.at(), tensors);
    if (good && !in_.at_end()) good = in_.fail("it goes on after the document's end");
    if (!good) return unreadable(source_.where, in_.fault());
    return tensors;
  }

 private:
  // An object at the top: one tensor, a V2 message, or tensors by name.
  bool document(std::vector<NamedTensor>& tensors) {
    std::size_t start = in_.at();
    std::vector<json::Member> members;
    if (!in_.object(members)) return false;
    std::size_t end = in_.at();
    const Expected* whole = source_.find("");
    // An object is the whole map, unless one of its keys is an input's name with an object behind it: then it is
    // tensors by name, one of which is a map.
    bool names_inputs = std::any_of(members.begin(), members.end(), [&](const json::Member& member) {
      return is_expected(member.key) && in_.go_to(member.at) && in_.peek() == '{';
    });
    if (whole != nullptr && is_collection(whole->type) && !names_inputs && is_collection_at(start, whole))
      return one("", start, tensors) && in_.go_to(end);
    if (find(members, "data") && (find(members, "shape") || find(members, "datatype")))
      return one("", start, tensors) && in_.go_to(end);
    for (const char* list : {"inputs", "outputs"}) {
      const json::Member* member = find(members, list);
      if (member != nullptr && is_list_of_objects(member->at)) return message(member->at, tensors) && in_.go_to(end);
    }
    for (const json::Member& member : members) {
      if (!one(member.key, member.at, tensors)) return false;
    }
    return in_.go_to(end);
  }

  bool is_list_of_objects(std::size_t at) {
    in_.go_to(at);
    return in_.eat('[') && in_.peek() == '{';
  }

  // The list of a V2 message, each a tensor object with its name.
  bool message(std::size_t at, std::vector<NamedTensor>& tensors) {
    in_.go_to(at);
    in_.eat('[');
    do {
      if (in_.peek() != '{') return in_.fail("an object is expected");
      if (tensors.size() == 10'000) return in_.fail("it has more than 10000 tensors");
      if (!tensor_object({}, in_.at(), true, tensors)) return false;
    } while (in_.eat(','));
    return in_.eat(']') || in_.fail("a ',' or ']' is expected");
  }

  // The tensor at `at`: a tensor object, or a bare list or value; or what is not a tensor. The cursor ends behind it.
  bool one(const std::string& name, std::size_t at, std::vector<NamedTensor>& tensors) {
    const Expected* expected = source_.find(name);
    if (is_collection_at(at, expected)) {
      NamedTensor& named = tensors.emplace_back();
      named.name = name;
      return collection(at, expected != nullptr ? *expected : Expected(), named.tensor);
    }
    in_.go_to(at);
    if (in_.peek() == '{') return tensor_object(name, at, false, tensors);
    return elements(name, at, {}, tensors);
  }

  // The only key of the object at `at`; empty if it has another number of them, or is not one.
  std::string only_key(std::size_t at, std::size_t* value = nullptr) {
    std::vector<json::Member> members;
    std::size_t here = in_.at();
    in_.go_to(at);
    bool only = in_.peek() == '{' && in_.object(members) && members.size() == 1;
    in_.go_to(here);
    if (only && value != nullptr) *value = members[0].at;
    return only ? members[0].key : "";
  }

  // Whether the value is a map, a sequence or an optional, in the form in which write() has them, or as the model
  // expects one: an object as a map, a list as a sequence.
  bool is_collection_at(std::size_t at, const Expected* expected) {
    in_.go_to(at);
    char first = in_.peek();
    if (expected != nullptr && first == '{' && expected->type == DType::map) return true;
    if (expected != nullptr && first == '[' && expected->type == DType::sequence) return true;
    std::string key = only_key(at);
    return key == "sequence" || key == "optional" || key == "map";
  }

  // ONNX nests them no deeper than an optional sequence of maps.
  bool collection(std::size_t at, const Expected& expected, Tensor& tensor, int depth = 0) {
    std::size_t value = at;
    std::string key = only_key(at, &value);
    in_.go_to(at);
    if (depth > 3) return in_.fail("it nests too deep");
    Expected inside;
    inside.type = expected.key != DType::undefined ? DType::map : expected.value;
    inside.key = expected.key;
    inside.value = expected.value;
    if (key == "optional" && expected.type != DType::map) {
      Optional optional;
      in_.go_to(value);
      bool none = in_.peek() == 'n';
      if (none ? !in_.skip() : !item(value, inside, optional.value, depth)) return false;
      tensor = tensor_of(std::move(optional));
      return in_.eat('}') || in_.fail("a '}' is expected");
    }
    bool wrapped = key == "sequence" && expected.type != DType::map;
    in_.go_to(wrapped ? value : at);
    if (in_.peek() != '[') return map(at, expected, tensor);
    Sequence sequence{inside.type, {}};
    in_.eat('[');
    if (in_.peek() != ']') {
      do {
        in_.peek();
        if (!item(in_.at(), inside, sequence.items.emplace_back(), depth)) return false;
      } while (in_.eat(','));
      sequence.element = sequence.items[0].type();
    }
    if (!in_.eat(']')) return in_.fail("a ',' or ']' is expected");
    tensor = tensor_of(std::move(sequence));
    return !wrapped || in_.eat('}') || in_.fail("a '}' is expected");
  }

  // A tensor or another collection within one.
  bool item(std::size_t at, const Expected& expected, Tensor& tensor, int depth) {
    if (is_collection_at(at, &expected)) return collection(at, expected, tensor, depth + 1);
    std::vector<NamedTensor> read;
    in_.go_to(at);
    json::Wanted wanted;
    if (is_plain(expected.type) || expected.type == DType::string) wanted.type = expected.type;
    bool good = in_.peek() == '{' ? tensor_object("", at, false, read) : elements("", at, std::move(wanted), read);
    if (good) tensor = std::move(read.front().tensor);
    return good;
  }

  bool is_expected(std::string_view name) const {
    return std::any_of(source_.expected.begin(), source_.expected.end(),
                       [&](const Expected& input) { return input.name == name; });
  }

  // An object as a map; also in the form in which write() has it, {"map": {…}}.
  bool map(std::size_t at, const Expected& expected, Tensor& tensor) {
    std::vector<json::Member> members;
    in_.go_to(at);
    if (!in_.object(members)) return false;
    std::size_t end = in_.at();
    if (members.size() == 1 && members[0].key == "map" && in_.go_to(members[0].at) && in_.peek() == '{') {
      return map(members[0].at, expected, tensor) && in_.go_to(end);
    }
    DType key = expected.key == DType::undefined ? DType::string : expected.key;
    json::Wanted wanted;
    wanted.type = expected.value == DType::undefined ? DType::f32 : expected.value;
    const Dims dims{static_cast<std::int64_t>(members.size())};
    Tensor keys(key, dims), values(*wanted.type, dims);
    std::int64_t index = 0;
    for (const json::Member& member : members) {
      Tensor value;
      in_.go_to(member.at);
      if (!map_key(keys, index, member.key) || !json::read_tensor(in_, wanted, value)) return false;
      in_.go_to(member.at);
      if (!value.dims().empty()) return in_.fail("a number or a string is expected");
      MutableTensorView all = values.mutable_view();
      std::size_t width =
          all.type == DType::string ? sizeof(std::string) : static_cast<std::size_t>(bits(all.type)) / 8;
      auto* to = static_cast<std::byte*>(all.data) + static_cast<std::size_t>(index++) * width;
      copy_elements(value.view(), {all.type, {}, to});
    }
    tensor = tensor_of(Map{std::move(keys), std::move(values)});
    return in_.go_to(end);
  }

  // JSON has only keys of text: of a map from numbers, the text must be one.
  bool map_key(Tensor& keys, std::int64_t index, const std::string& text) {
    if (keys.type() == DType::string) {
      keys.mutable_view().as<std::string>()[static_cast<std::size_t>(index)] = text;
      return true;
    }
    auto numbers = keys.mutable_view().as<std::int64_t>();
    auto to = numbers.begin() + index;
    if (parse_element(text, DType::i64, &*to) != Parsed::good) {
      return in_.fail(fmt::format("the key '{}' is not a whole number", text.substr(0, 40)));
    }
    if (std::find(numbers.begin(), to, *to) == to) return true;
    return in_.fail(fmt::format("the key {} stands twice", *to));
  }

  bool tensor_object(std::string name, std::size_t at, bool named, std::vector<NamedTensor>& tensors) {
    std::vector<json::Member> members;
    in_.go_to(at);
    if (!in_.object(members)) return false;
    std::size_t end = in_.at();
    for (const json::Member& member : members) {
      constexpr std::string_view known[] = {"data", "shape", "datatype", "parameters", "name", "dims", "type"};
      // A tensor that is named by its key has no other name. `dims` and `type` are what `--output json run` prints.
      auto last = std::end(known) - (named ? 0 : 3);
      if (std::find(std::begin(known), last, member.key) == last) {
        in_.go_to(member.at);
        return in_.fail(fmt::format("the key '{}' is unknown", member.key));
      }
    }
    const json::Member *data = find(members, "data"), *shape = find(members, "shape"),
                       *type = find(members, "datatype"), *own_name = find(members, "name");
    if (shape == nullptr) shape = find(members, "dims");
    if (type == nullptr) type = find(members, "type");
    if (named && own_name == nullptr) return in_.fail("a tensor has no \"name\"");
    if (data == nullptr) return in_.fail("a tensor has no \"data\"");
    json::Wanted wanted;
    if (own_name != nullptr && !(in_.go_to(own_name->at) && in_.string(name))) return false;
    if (in_.go_to(data->at) && in_.peek() == '{') return one(name, data->at, tensors) && in_.go_to(end);
    if (type != nullptr && !datatype(type->at, wanted.type)) return false;
    if (shape != nullptr && !(in_.go_to(shape->at) && json::read_shape(in_, wanted.shape.emplace()))) return false;
    return elements(name, data->at, std::move(wanted), tensors) && in_.go_to(end);
  }

  // The names of the Open Inference Protocol, and our own ("f32"), which people know from every message.
  bool datatype(std::size_t at, std::optional<DType>& type) {
    std::string text;
    in_.go_to(at);
    if (!in_.string(text)) return false;
    type = json::type_of_v2(text);
    if (!type) {
      if (auto ours = dtype_from_name(text); ours && json::has_form(*ours)) type = ours;
    }
    if (type) return true;
    in_.go_to(at);
    return in_.fail(fmt::format("the datatype '{}' is unknown", text));
  }

  bool elements(const std::string& name, std::size_t at, json::Wanted wanted, std::vector<NamedTensor>& tensors) {
    const Expected* expected = source_.find(name);
    if (!wanted.type && expected != nullptr && expected->type != DType::undefined) wanted.type = expected->type;
    Tensor tensor;
    in_.go_to(at);
    if (!json::read_tensor(in_, wanted, tensor)) return false;
    tensors.push_back({name, std::move(tensor)});
    return true;
  }

  json::Cursor in_;
  const Source& source_;
};

Result<std::vector<NamedTensor>> read(const Source& source) {
  return TensorReader(as_text(source.bytes), source).read();
}

// Appends the elements as nested lists, one row of the last dimension to a line.
bool print(std::string& out, const TensorView& tensor, std::size_t axis, std::int64_t& index) {
  if (axis == tensor.rank()) {
    if (tensor.type == DType::string) {
      return json::quote(out, static_cast<const std::string*>(tensor.data)[index++]);
    }
    return print_element(out, tensor, index++, json::non_finite);
  }
  out += '[';
  for (std::int64_t i = 0; i < tensor.dim(axis); ++i) {
    if (i > 0) out += axis + 1 == tensor.rank() ? ", " : ",\n";
    if (!print(out, tensor, axis + 1, index)) return false;
  }
  out += ']';
  return true;
}

// Appends a value in the form that read() takes, or, for one that is not a tensor, in one of its own: a sequence as
// {"sequence": [value, …]}, an optional as {"optional": value or null}, a map as {"map": {"key": element, …}}. Returns
// what of it JSON has no form for; empty if all is well.
std::string print_value(std::string& out, const TensorView& value);

std::string print_collection(std::string& out, const TensorView& value) {
  if (value.type == DType::optional) {
    out += "{\"optional\": ";
    const Tensor& held = optional_in(value).value;
    std::string fault = held.present() ? print_value(out, held.view()) : "";
    if (!held.present()) out += "null";
    out += '}';
    return fault;
  }
  if (value.type == DType::sequence) {
    out += "{\"sequence\": [";
    bool first = true;
    for (const Tensor& item : sequence_in(value).items) {
      out += std::exchange(first, false) ? "\n" : ",\n";
      if (std::string fault = print_value(out, item.view()); !fault.empty()) return fault;
    }
    out += "]}";
    return "";
  }
  out += "{\"map\": {";
  const TensorView keys = map_in(value).keys.view(), values = map_in(value).values.view();
  for (std::int64_t i = 0; i < (keys.present() ? keys.elements() : 0); ++i) {
    if (i > 0) out += ", ";
    bool good = keys.type == DType::string
                    ? json::quote(out, keys.as<std::string>()[static_cast<std::size_t>(i)])
                    : (out += '"', print_element(out, keys, i, json::non_finite) && (out += '"', true));
    if (!good) return "a string that is not UTF-8";
    out += ": ";
    good = values.type == DType::string ? json::quote(out, values.as<std::string>()[static_cast<std::size_t>(i)])
                                        : print_element(out, values, i, json::non_finite);
    if (!good) return values.type == DType::string ? "a string that is not UTF-8" : std::string(name(values.type));
  }
  out += "}}";
  return "";
}

std::string print_value(std::string& out, const TensorView& value) {
  if (is_collection(value.type)) return print_collection(out, value);
  if (!json::has_form(value.type)) return std::string(name(value.type));
  std::string_view type = json::v2_name(value.type);
  if (type.empty()) type = name(value.type);
  out += fmt::format("{{\"datatype\": \"{}\", \"shape\": [{}], \"data\":\n", type,
                     fmt::join(value.dims.begin(), value.dims.end(), ", "));
  // Empty tensors are flat: [[], []] cannot say every shape.
  std::int64_t index = 0;
  if (value.elements() == 0) out += "[]";
  else if (!print(out, value, 0, index)) return "a string that is not UTF-8";
  out += '}';
  return "";
}

Result<std::vector<std::byte>> write(std::span<const NamedTensor> tensors) {
  std::string out = "{";
  for (const NamedTensor& named : tensors) {
    out += out.size() > 1 ? ",\n" : "\n";
    std::string fault = "a string that is not UTF-8";
    if (json::quote(out, named.name)) {
      out += ": ";
      fault = print_value(out, named.tensor.view());
    }
    if (!fault.empty()) {
      return Error(Kind::unsupported, "unsupported-type", fmt::format("cannot write {} to a .json file", fault));
    }
  }
  out += "\n}\n";
  ByteSpan bytes = as_bytes(out);
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

}  // namespace

std::span<const Format> json_format() {
  static constexpr Format table[] = {{".json", "nested lists, with names, types and shapes", true, read, write,
                                      [](std::string_view content) {
                                        std::size_t first = content.find_first_not_of(" \t\r\n");
                                        return first != content.npos &&
                                               (content[first] == '[' || content[first] == '{');
                                      },
                                      "application/json"}};
  return table;
}

}  // namespace modelctl::formats
