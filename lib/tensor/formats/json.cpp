// JSON tensors, in any of these forms:
//   [[1, 2], [3, 4]]                                                  a list; its type is what the model expects
//   {"datatype": "FP32", "shape": [2, 2], "data": [1, 2, 3, 4]}       one tensor; data nested or flat
//   {"x": <either of those>, "y": …}                                  several, by name
//   {"inputs": [{"name": "x", "datatype": …, "shape": …, "data": …}]} a request of the Open Inference Protocol V2, or
//                                                                     a response, with "outputs"
// Written here rather than with a library: this links into the smallest runner, and a list of a million numbers is
// scanned twice and never held as a document. JSON has no NaN: floats may be "NaN", "Infinity" and "-Infinity".
#include "tensor/formats.hpp"

#include "tensor/collection.hpp"
#include "tensor/dispatch.hpp"
#include "tensor/element_text.hpp"
#include "tensor/json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace modelctl::formats {
namespace {

constexpr NonFinite spelling{"\"NaN\"", "\"Infinity\"", "\"-Infinity\""};

struct V2Type {
  std::string_view name;
  DType type;
};
constexpr V2Type v2_types[] = {{"BOOL", DType::boolean}, {"UINT8", DType::u8},    {"UINT16", DType::u16},
                               {"UINT32", DType::u32},   {"UINT64", DType::u64},  {"INT8", DType::i8},
                               {"INT16", DType::i16},    {"INT32", DType::i32},   {"INT64", DType::i64},
                               {"FP16", DType::f16},     {"FP32", DType::f32},    {"FP64", DType::f64},
                               {"BF16", DType::bf16},    {"BYTES", DType::string}};

// What a list turned out to be, found without building it.
struct Layout {
  Dims dims;
  bool strings = false, bools = false, fractions = false, integers = false;
  std::int64_t count = 0;

  // The type of a list that nothing is expected of; undefined where it mixes kinds.
  DType type() const {
    if (strings + bools + (fractions || integers) > 1) return DType::undefined;
    return strings ? DType::string : bools ? DType::boolean : fractions || !integers ? DType::f64 : DType::i64;
  }
};

// Reads the tensors of one document. Every member that can fail answers false and leaves the reason in the cursor.
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
  // The members of the tensor object that have been seen: where their values begin.
  struct Members {
    std::optional<std::size_t> data, shape, datatype, name;
  };

  // Calls visit(key) for each member with the cursor at its value, which it must consume.
  template <class F>
  bool for_each_member(F&& visit) {
    std::vector<std::string> keys;
    if (!in_.eat('{')) return in_.fail("an object is expected");
    if (in_.eat('}')) return true;
    do {
      std::string key;
      if (in_.peek() != '"' || !in_.string(key)) return in_.fail("a key is expected");
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) {
        return in_.fail(fmt::format("the key '{}' stands twice", key));
      }
      if (keys.size() == 10'000) return in_.fail("an object has more than 10000 keys");
      keys.push_back(key);
      if (!in_.eat(':')) return in_.fail("a ':' is expected");
      if (!visit(key)) return false;
    } while (in_.eat(','));
    return in_.eat('}') || in_.fail("a ',' or '}' is expected");
  }

  // An object at the top: one tensor, a V2 message, or tensors by name.
  bool document(std::vector<NamedTensor>& tensors) {
    std::size_t start = in_.at();
    std::vector<std::pair<std::string, std::size_t>> members;
    if (!for_each_member([&](const std::string& key) {
          in_.peek();
          members.emplace_back(key, in_.at());
          return in_.skip();
        })) {
      return false;
    }
    std::size_t end = in_.at();
    auto find = [&](std::string_view key) {
      auto found =
          std::find_if(members.begin(), members.end(), [&](const auto& member) { return member.first == key; });
      return found == members.end() ? std::nullopt : std::optional(found->second);
    };
    if (find("data") && (find("shape") || find("datatype"))) return one("", start, tensors) && in_.go_to(end);
    for (const char* list : {"inputs", "outputs"}) {
      auto at = find(list);
      if (at && is_list_of_objects(*at)) return message(*at, tensors) && in_.go_to(end);
    }
    for (const auto& [key, at] : members) {
      if (!one(key, at, tensors)) return false;
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

  // The tensor at `at`: a tensor object, or a bare list or value. The cursor ends behind it.
  bool one(const std::string& name, std::size_t at, std::vector<NamedTensor>& tensors) {
    in_.go_to(at);
    if (in_.peek() == '{') return tensor_object(name, at, false, tensors);
    return elements(name, at, std::nullopt, std::nullopt, tensors);
  }

  bool tensor_object(std::string name, std::size_t at, bool named, std::vector<NamedTensor>& tensors) {
    Members members;
    in_.go_to(at);
    if (!for_each_member([&](const std::string& key) {
          std::optional<std::size_t>* member = key == "data"            ? &members.data
                                               : key == "shape"         ? &members.shape
                                               : key == "datatype"      ? &members.datatype
                                               : key == "name" && named ? &members.name
                                                                        : nullptr;
          if (member == nullptr && key != "parameters") return in_.fail(fmt::format("the key '{}' is unknown", key));
          in_.peek();
          if (member != nullptr) *member = in_.at();
          return in_.skip();
        })) {
      return false;
    }
    std::size_t end = in_.at();
    if (named && !members.name) return in_.fail("a tensor has no \"name\"");
    if (!members.data) return in_.fail("a tensor has no \"data\"");
    std::optional<DType> type;
    std::optional<Dims> dims;
    if (members.name && !(in_.go_to(*members.name) && in_.string(name))) return false;
    if (members.datatype && !datatype(*members.datatype, type)) return false;
    if (members.shape && !shape(*members.shape, dims)) return false;
    return elements(name, *members.data, type, dims, tensors) && in_.go_to(end);
  }

  bool datatype(std::size_t at, std::optional<DType>& type) {
    std::string text;
    in_.go_to(at);
    if (!in_.string(text)) return false;
    for (const V2Type& row : v2_types) {
      if (row.name == text) type = row.type;
    }
    if (!type) {
      auto ours = dtype_from_name(text);
      if (ours && std::any_of(std::begin(v2_types), std::end(v2_types), [&](auto& row) { return row.type == *ours; })) {
        type = ours;
      }
    }
    if (type) return true;
    in_.go_to(at);
    return in_.fail(fmt::format("the datatype '{}' is unknown", text));
  }

  bool shape(std::size_t at, std::optional<Dims>& dims) {
    dims.emplace();
    in_.go_to(at);
    if (!in_.eat('[')) return in_.fail("the shape is no list");
    if (in_.eat(']')) return true;
    do {
      std::string_view text;
      std::int64_t dim = 0;
      in_.peek();
      std::size_t start = in_.at();
      if (!in_.number(text)) return false;
      if (parse_element(text, DType::i64, &dim) != Parsed::good || dim < 0) {
        in_.go_to(start);
        return in_.fail(fmt::format("'{}' is no size", text.substr(0, 40)));
      }
      if (dims->size() == max_rank) return in_.fail(fmt::format("the shape has more than {} dimensions", max_rank));
      dims->push_back(dim);
    } while (in_.eat(','));
    return in_.eat(']') || in_.fail("a ',' or ']' is expected");
  }

  // Finds the layout of the list at the cursor: first its dimensions, then that every part has the same.
  bool scan(Layout& layout, std::size_t depth) {
    if (in_.peek() != '[') return scan_element(layout);
    if (depth == max_rank) return in_.fail(fmt::format("the list nests deeper than {}", max_rank));
    bool first = depth == layout.dims.size() && !rank_known_;
    if (first) layout.dims.push_back(0);
    if (depth >= layout.dims.size()) return in_.fail("the list is ragged: a list stands where an element should");
    std::size_t start = in_.at();
    std::int64_t size = 0;
    in_.eat('[');
    if (!in_.eat(']')) {
      do {
        bool list = in_.peek() == '[';
        if (!list && depth + 1 < layout.dims.size()) {
          return in_.fail("the list is ragged: an element stands where a list should");
        }
        if (!scan(layout, depth + 1)) return false;
        ++size;
      } while (in_.eat(','));
      if (!in_.eat(']')) return in_.fail("a ',' or ']' is expected");
    }
    rank_known_ = true;
    if (first) layout.dims[depth] = size;
    if (layout.dims[depth] == size) return true;
    in_.go_to(start);
    return in_.fail(fmt::format("the list is ragged: it has {} elements where the first of its kind has {}", size,
                                layout.dims[depth]));
  }

  bool scan_element(Layout& layout) {
    rank_known_ = true;
    ++layout.count;
    std::string_view text;
    switch (in_.peek()) {
      case '"': layout.strings = true; return in_.skip();
      case 't':
      case 'f': layout.bools = true; return in_.skip();
      case '{':
      case 'n': return in_.fail("a number, string, bool or list is expected");
      default:
        if (!in_.number(text)) return false;
        (text.find_first_of(".eE") == std::string_view::npos ? layout.integers : layout.fractions) = true;
        return true;
    }
  }

  bool elements(const std::string& name, std::size_t at, std::optional<DType> type, std::optional<Dims> dims,
                std::vector<NamedTensor>& tensors) {
    Layout layout;
    rank_known_ = false;
    in_.go_to(at);
    if (!scan(layout, 0)) return false;
    std::size_t end = in_.at();
    in_.go_to(at);
    const Expected* expected = source_.find(name);
    if (!type) type = expected != nullptr && expected->type != DType::undefined ? expected->type : layout.type();
    if (*type == DType::undefined) return in_.fail("the list mixes numbers, bools and strings");
    if (dims) {
      bool flat = layout.dims.size() == 1 && element_count(*dims) == layout.count;
      if (!flat && layout.dims != *dims) {
        return in_.fail(fmt::format("the data are {}, and the shape says {}", modelctl::describe(*type, layout.dims),
                                    modelctl::describe(*type, *dims)));
      }
    }
    if (*type != DType::string && !holds_type(*type)) {
      return in_.fail(fmt::format("{} has no form in JSON", modelctl::name(*type)));
    }
    Tensor tensor(*type, dims ? std::move(*dims) : std::move(layout.dims));
    std::int64_t index = 0;
    if (!fill(tensor, index)) return false;
    tensors.push_back({name, std::move(tensor)});
    return in_.go_to(end);
  }

  static bool holds_type(DType type) {
    return std::any_of(std::begin(v2_types), std::end(v2_types), [&](const V2Type& row) { return row.type == type; });
  }

  // Reads the elements of a list that scan() has passed.
  bool fill(Tensor& tensor, std::int64_t& index) {
    if (in_.eat('[')) {
      if (in_.eat(']')) return true;
      do {
        if (!fill(tensor, index)) return false;
      } while (in_.eat(','));
      return in_.eat(']');
    }
    void* data = tensor.mutable_view().data;
    if (tensor.type() == DType::string) {
      if (in_.peek() != '"') return in_.fail("a string is expected");
      return in_.string(static_cast<std::string*>(data)[index++]);
    }
    void* element = static_cast<std::byte*>(data) + index++ * (bits(tensor.type()) / 8);
    std::size_t start = in_.at();
    if (tensor.type() == DType::boolean) return in_.boolean(*static_cast<bool*>(element));
    if (in_.peek() == '"') return non_finite(tensor.type(), element);
    std::string_view text;
    if (!in_.number(text)) return false;
    Parsed result = parse_element(text, tensor.type(), element);
    if (result == Parsed::good) return true;
    in_.go_to(start);
    in_.peek();
    return in_.fail(why_not(result, text, tensor.type()));
  }

  bool non_finite(DType type, void* element) {
    std::size_t start = in_.at();
    std::string text;
    if (!in_.string(text)) return false;
    if (text == "NaN" && set_non_finite(type, 0, element)) return true;
    if (text == "Infinity" && set_non_finite(type, 1, element)) return true;
    if (text == "-Infinity" && set_non_finite(type, -1, element)) return true;
    in_.go_to(start);
    return in_.fail(why_not(Parsed::no_number, text, type));
  }

  JsonCursor in_;
  const Source& source_;
  bool rank_known_ = false;  // an element, or the end of a list, has shown how deep the list nests
};

Result<std::vector<NamedTensor>> read(const Source& source) {
  return TensorReader(as_text(source.bytes), source).read();
}

// Appends the elements as nested lists, one row of the last dimension to a line.
bool print(std::string& out, const TensorView& tensor, std::size_t axis, std::int64_t& index) {
  if (axis == tensor.rank()) {
    if (tensor.type == DType::string) { return quote_json(out, static_cast<const std::string*>(tensor.data)[index++]); }
    return print_element(out, tensor, index++, spelling);
  }
  out += '[';
  for (std::int64_t i = 0; i < tensor.dim(axis); ++i) {
    if (i > 0) out += axis + 1 == tensor.rank() ? ", " : ",\n";
    if (!print(out, tensor, axis + 1, index)) return false;
  }
  out += ']';
  return true;
}

// Appends a value in the form that read() takes, or, for one that is no tensor, in one of its own: a sequence as
// {"sequence": [value, …]}, an optional as {"optional": value or null}, a map as {"map": {"key": element, …}}. Answers
// what of it JSON has no form for; empty where all is well.
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
    bool good = keys.type == DType::string ? quote_json(out, keys.as<std::string>()[static_cast<std::size_t>(i)])
                                           : (out += '"', print_element(out, keys, i, spelling) && (out += '"', true));
    if (!good) return "a string that is not UTF-8";
    out += ": ";
    good = values.type == DType::string ? quote_json(out, values.as<std::string>()[static_cast<std::size_t>(i)])
                                        : print_element(out, values, i, spelling);
    if (!good) return values.type == DType::string ? "a string that is not UTF-8" : std::string(name(values.type));
  }
  out += "}}";
  return "";
}

std::string print_value(std::string& out, const TensorView& value) {
  if (is_collection(value.type)) return print_collection(out, value);
  auto row = std::find_if(std::begin(v2_types), std::end(v2_types), [&](auto& r) { return r.type == value.type; });
  if (row == std::end(v2_types)) return std::string(name(value.type));
  out += fmt::format("{{\"datatype\": \"{}\", \"shape\": [{}], \"data\":\n", row->name,
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
    if (quote_json(out, named.name)) {
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
  static constexpr Format table[] = {{".json", "nested lists, with names, types and shapes", true, read, write}};
  return table;
}

}  // namespace modelctl::formats
