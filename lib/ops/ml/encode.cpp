// ai.onnx.ml: LabelEncoder, CategoryMapper and OneHotEncoder, which look each element up in a list of keys. Keys and
// elements may differ in type as long as both are numbers: f32 1 finds i64 1.
//
// Smallest runner: regular, since categories are looked up before a network.
#include "ops/reference/run.hpp"
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <unordered_map>
#include <unordered_set>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;
using KeyTypes = TypeList<float, double, std::int64_t, std::int32_t, std::int16_t>;

// An attribute's list as a tensor of rank 1.
template <class T>
Tensor list_of(const std::vector<T>& values) {
  if constexpr (std::is_same_v<T, std::string>) {
    return Tensor::of_strings({static_cast<std::int64_t>(values.size())}, values);
  } else {
    Tensor tensor(dtype_of<T>, {static_cast<std::int64_t>(values.size())});
    std::copy(values.begin(), values.end(), static_cast<T*>(tensor.mutable_view().data));
    return tensor;
  }
}

// A floating-point key as an integer, equal exactly if the keys are: both zeros become one, and all NaNs do.
// A hash of the bits needs this: 0.0 == -0.0 while their bits differ, and a NaN should find the key NaN although NaN !=
// NaN.
std::int64_t key_of(double value) {
  if (value != value) value = std::numeric_limits<double>::quiet_NaN();
  if (value == 0) value = 0;
  std::int64_t bits = 0;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
std::int64_t key_of(std::int64_t value) { return value; }

// Numbers as integers that are equal exactly if the numbers are. They are compared as f64 if `fractions`, that is, if
// either side has fractions, else as i64, which holds what f64 would round: in f64, two i64 beyond 2^53 may be equal.
Result<Dims> keys_of(const TensorView& numbers, bool fractions) {
  Dims keys;
  TRY(for_type<KeyTypes>(numbers.type, [&]<class T>() -> Result<void> {
    for (T value : numbers.as<T>()) {
      keys.push_back(fractions ? key_of(static_cast<double>(value)) : key_of(static_cast<std::int64_t>(value)));
    }
    return {};
  }));
  return keys;
}

// Fails if a key is there twice, for elements of type x; undefined: not known yet. The specification does not say which
// of the two counts, and ONNX Runtime takes the first one or the last one, depending on the operator. Asked when the
// model is built: in a run it would cost a table of all keys, which few elements do not need.
Result<void> check_distinct(const Tensor& keys, DType x) {
  std::size_t distinct = 0;
  if (keys.type() == DType::string) {
    auto texts = keys.as<std::string>();
    distinct = std::unordered_set<std::string_view>(texts.begin(), texts.end()).size();
  } else {
    Dims listed = TRY(keys_of(keys.view(), is_float(x) || is_float(keys.type())));
    distinct = std::unordered_set<std::int64_t>(listed.begin(), listed.end()).size();
  }
  if (static_cast<std::int64_t>(distinct) != keys.elements()) return refuse("a key is there twice");
  return {};
}

// Key is what is hashed: a view of a text, or a number.
template <class Key, class Wanted, class Listed>
void look_up(const Wanted& wanted, const Listed& listed, Dims& found) {
  std::unordered_map<Key, std::int64_t> known;
  for (const auto& key : listed) known.emplace(key, &key - &listed[0]);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (auto at = known.find(wanted[i]); at != known.end()) found[i] = at->second;
  }
}

// For each element of x its index in `keys`, of equal ones the first; -1 if it is not there. Both are strings, or both
// are numbers.
// Takes keys + elements steps, by a hash table that is built for each run, since the keys are attributes. Strings are
// compared byte by byte, without a normalization of Unicode.
Result<Dims> places(const TensorView& x, const Tensor& keys) {
  Dims found(static_cast<std::size_t>(x.elements()), -1);
  if ((x.type == DType::string) != (keys.type() == DType::string)) return refuse("the keys are of another type");
  if (x.type == DType::string) {
    look_up<std::string_view>(x.as<std::string>(), keys.as<std::string>(), found);
    return found;
  }
  bool fractions = is_float(x.type) || is_float(keys.type());
  Dims wanted = TRY(keys_of(x, fractions)), listed = TRY(keys_of(keys.view(), fractions));
  if (wanted.size() > 4) {
    look_up<std::int64_t>(wanted, listed, found);
    return found;
  }
  // A search is faster than building a hash table of all keys.
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto at = std::find(listed.begin(), listed.end(), wanted[i]);
    if (at != listed.end()) found[i] = at - listed.begin();
  }
  return found;
}

// keys[i] becomes values[i], and what is not found becomes `otherwise`, one element of the values' type.
struct Mapping {
  Tensor keys, values, otherwise;
};

// 0, 1, …, count - 1
Tensor counted(std::size_t count) {
  Dims numbers(count);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<std::int64_t>(i);
  return Tensor::of_ints(numbers);
}

// The default value of a type, from the attribute for it: "_Unused", -1 or 0 if that is absent.
// Of a type other than string, a whole number is default_int64, anything else default_float.
Tensor default_of(const Attributes& attributes, DType type) {
  if (type == DType::string) {
    return Tensor::of_strings({1}, {std::string(attributes.text("default_string", "_Unused"))});
  }
  Tensor value(type, {1});
  (void)with_type<KeyTypes>(type, [&]<class T>() {
    auto whole = static_cast<T>(attributes.integer("default_int64", -1));
    value.mutable_view().as<T>()[0] =
        std::is_integral_v<T> ? whole : static_cast<T>(attributes.number("default_float"));
  });
  return value;
}

// The list `name`, "keys" or "values", from the one of its four attributes that is there.
// An empty list is an absent attribute; the tensor form of version 4 comes first, since it alone can have any element
// type.
Result<Tensor> read_list(const Attributes& attributes, const std::string& name) {
  if (const Tensor* tensor = attributes.tensor(name + "_tensor")) return *tensor;
  if (const auto& texts = attributes.texts(name + "_strings"); !texts.empty()) return list_of(texts);
  if (const auto& whole = attributes.integers(name + "_int64s"); !whole.empty()) return list_of(whole);
  if (const auto& numbers = attributes.numbers(name + "_floats"); !numbers.empty()) return list_of(numbers);
  return refuse("there are no " + name);
}

// LabelEncoder of all versions. Version 1 had one list, whose direction follows from the input's type.
Result<Mapping> read_encoder(const Attributes& attributes, DType x) {
  Mapping mapping;
  if (const auto& classes = attributes.texts("classes_strings"); !classes.empty()) {
    // A string is encoded as its index in the list; an index is decoded to the string there.
    bool to_numbers = x == DType::string;
    mapping.keys = to_numbers ? list_of(classes) : counted(classes.size());
    mapping.values = to_numbers ? counted(classes.size()) : list_of(classes);
  } else {
    mapping.keys = TRY(read_list(attributes, "keys"));
    mapping.values = TRY(read_list(attributes, "values"));
  }
  if (mapping.keys.elements() != mapping.values.elements()) return refuse("there must be one value for each key");
  const Tensor* given = attributes.tensor("default_tensor");
  if (given != nullptr && (given->type() != mapping.values.type() || given->elements() != 1)) {
    return refuse("default_tensor must be one element of the values' type");
  }
  mapping.otherwise = given != nullptr ? *given : default_of(attributes, mapping.values.type());
  return mapping;
}

// CategoryMapper: two lists, of strings and integers, and the input's type says from which to which.
// A text or number that is in neither list becomes default_string or default_int64.
Result<Mapping> read_mapper(const Attributes& attributes, DType x) {
  const auto& texts = attributes.texts("cats_strings");
  const auto& whole = attributes.integers("cats_int64s");
  if (texts.empty() || texts.size() != whole.size()) {
    return refuse("cats_strings and cats_int64s must be of one length");
  }
  bool to_numbers = x == DType::string;
  Mapping mapping{to_numbers ? list_of(texts) : list_of(whole), to_numbers ? list_of(whole) : list_of(texts), {}};
  mapping.otherwise = default_of(attributes, mapping.values.type());
  return mapping;
}

using ReadMapping = Result<Mapping> (*)(const Attributes& attributes, DType x);

// The output's type follows from the attributes, so that it is known only once the input's type is.
template <ReadMapping read>
Result<void> infer_map(Inference& call) {
  const Shape* x = call.shape(0);
  auto mapping = read(call.attributes(), call.element(0));
  if (!mapping) return call.bad(mapping.error().what);
  if (auto distinct = check_distinct(mapping->keys, call.element(0)); !distinct) {
    return call.bad(distinct.error().what);
  }
  call.set_output(0, call.element(0) == DType::undefined ? DType::undefined : mapping->values.type(),
                  x == nullptr ? std::nullopt : std::optional(*x));
  return {};
}

// One loop for every type of values: only their size matters.
template <ReadMapping read>
Result<void> map(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Mapping mapping = TRY(read(call.attributes, x.type));
  Dims found = TRY(places(x, mapping.keys));
  MutableTensorView y = TRY(outputs.allocate(0, mapping.values.type(), x.dims));
  return for_storage(y.type, [&]<class T>() -> Result<void> {
    auto values = mapping.values.as<T>();
    // for_storage: elements are only copied, so that types of equal size share the loop.
    const T& otherwise = mapping.otherwise.as<T>()[0];
    for (std::size_t i = 0; i < found.size(); ++i) {
      y.as<T>()[i] = found[i] < 0 ? otherwise : values[static_cast<std::size_t>(found[i])];
    }
    return {};
  });
}

// OneHotEncoder's categories, of strings or integers; one of the two attributes has them.
Result<Tensor> read_categories(const Attributes& attributes) {
  if (const auto& texts = attributes.texts("cats_strings"); !texts.empty()) return list_of(texts);
  if (const auto& whole = attributes.integers("cats_int64s"); !whole.empty()) return list_of(whole);
  return refuse("there are no categories");
}

// The output has a new last axis, one element for each category.
Result<void> infer_one_hot(Inference& call) {
  // The number of categories is known from the attributes: only the input's own axes may be dynamic.
  auto categories = read_categories(call.attributes());
  if (!categories) return call.bad(categories.error().what);
  // Elements with fractions are cut to integers before they are looked up.
  if (auto distinct = check_distinct(*categories, DType::i64); !distinct) return call.bad(distinct.error().what);
  std::optional<Shape> shape;
  if (const Shape* x = call.shape(0)) {
    shape = *x;
    shape->push_back(Expr(categories->elements()));
  }
  call.set_output(0, DType::f32, std::move(shape));
  return {};
}

// An element that is not a category gives zeros, or is refused if the attribute `zeros` is 0.
Result<void> one_hot(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Tensor categories = TRY(read_categories(call.attributes));
  Tensor whole;  // categories are integers: fractions are cut towards zero
  TensorView looked_up = x;
  if (is_float(x.type)) {
    whole = Tensor(DType::i64, Dims(x.dims.begin(), x.dims.end()));
    auto to = whole.mutable_view().as<std::int64_t>();
    TRY((for_type<TypeList<float, double>>(x.type, [&]<class T>() -> Result<void> {
      std::transform(x.as<T>().begin(), x.as<T>().end(), to.begin(),
                     [](T value) { return saturated<std::int64_t>(value); });
      return {};
    })));
    looked_up = whole.view();
  }
  // Every row of the output has one 1 at most, so that it is filled with zeros first.
  Dims found = TRY(places(looked_up, categories)), dims(x.dims.begin(), x.dims.end());
  dims.push_back(categories.elements());
  MutableTensorView y = TRY(outputs.allocate(0, DType::f32, dims));
  std::fill(y.as<float>().begin(), y.as<float>().end(), 0.0f);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i] >= 0) {
      y.as<float>()[i * static_cast<std::size_t>(categories.elements()) + static_cast<std::size_t>(found[i])] = 1;
    } else if (call.attributes.integer("zeros", 1) == 0) {
      return refuse("element " + std::to_string(i) + " is not a category, and 'zeros' is 0");
    }
  }
  return {};
}

constexpr AttributeDef default_float = {"default_float", AttributeType::number, "what is not found becomes this"};
constexpr AttributeDef default_int64 = {"default_int64", AttributeType::integer,
                                        "what is not found becomes this; -1 if absent"};
constexpr AttributeDef default_string = {"default_string", AttributeType::text,
                                         "what is not found becomes this; _Unused if absent"};
constexpr AttributeDef of_encoder[] = {
    {"classes_strings", AttributeType::texts, "the texts that stand for 0, 1, 2, …, as version 1 has them"},
    default_float,
    default_int64,
    default_string,
    {"default_tensor", AttributeType::tensor, "what is not found becomes this"},
    {"keys_floats", AttributeType::numbers, "what is looked up"},
    {"keys_int64s", AttributeType::integers, "what is looked up"},
    {"keys_strings", AttributeType::texts, "what is looked up"},
    {"keys_tensor", AttributeType::tensor, "what is looked up"},
    {"values_floats", AttributeType::numbers, "what it becomes"},
    {"values_int64s", AttributeType::integers, "what it becomes"},
    {"values_strings", AttributeType::texts, "what it becomes"},
    {"values_tensor", AttributeType::tensor, "what it becomes"}};
constexpr AttributeDef of_mapper[] = {{"cats_int64s", AttributeType::integers, "the numbers"},
                                      {"cats_strings", AttributeType::texts, "the texts, in the numbers' order"},
                                      default_int64,
                                      default_string};
constexpr AttributeDef of_one_hot[] = {
    {"cats_int64s", AttributeType::integers, "the categories, if they are numbers"},
    {"cats_strings", AttributeType::texts, "the categories, if they are texts"},
    {"zeros", AttributeType::integer, "0: what is in no category is an error; 1 if absent: all zeros"}};

constexpr OpDef defs[] = {
    {
        .domain = "ai.onnx.ml",
        .name = "LabelEncoder",
        .since = 4,
        .summary = "Each element by what it stands for.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32 f64 i64 i32 i16 string",
        .attributes = of_encoder,
        .infer = infer_map<read_encoder>,
        .examples =
            [] {
              return Examples{
                  {"texts to numbers",
                   {strings({3}, {"b", "x", "a"})},
                   {{"keys_strings", std::vector<std::string>{"a", "b"}}, {"values_int64s", Ints{5, 6}}},
                   {i64({3}, {6, -1, 5})}},
                  {"NaN is found",
                   {f32({1, 2}, {NAN, 2})},
                   {{"keys_floats", std::vector<float>{NAN, 1}},
                    {"values_strings", std::vector<std::string>{"none", "one"}}},
                   {strings({1, 2}, {"none", "_Unused"})}},
                  {"numbers to classes, as version 1 has them",
                   {i64({2}, {1, 7})},
                   {{"classes_strings", std::vector<std::string>{"a", "b"}}, {"default_string", std::string("?")}},
                   {strings({2}, {"b", "?"})}},
                  {"tensors",
                   {f64({2}, {1.5, 3})},
                   {{"keys_tensor", f64({1}, {1.5})},
                    {"values_tensor", i32({1}, {7})},
                    {"default_tensor", i32({1}, {9})}},
                   {i32({2}, {7, 9})}}};
            },
    },
    {
        .domain = "ai.onnx.ml",
        .name = "CategoryMapper",
        .since = 1,
        .summary = "Texts to numbers, or numbers to texts.",
        .inputs = "X",
        .outputs = "Y",
        .types = "i64 string",
        .attributes = of_mapper,
        .infer = infer_map<read_mapper>,
        .examples =
            [] {
              Attributes both{{"cats_strings", std::vector<std::string>{"cat", "dog"}}, {"cats_int64s", Ints{3, 4}}};
              return Examples{{"to numbers", {strings({2}, {"dog", "cow"})}, both, {i64({2}, {4, -1})}},
                              {"to texts", {i64({2}, {3, 0})}, both, {strings({2}, {"cat", "_Unused"})}}};
            },
    },
    {
        .domain = "ai.onnx.ml",
        .name = "OneHotEncoder",
        .since = 1,
        .summary = "Each element as a row of zeros with a one where its category is.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32 f64 i64 i32 string",
        .attributes = of_one_hot,
        .infer = infer_one_hot,
        .examples =
            [] {
              return Examples{{"texts, one unknown",
                               {strings({2}, {"b", "x"})},
                               {{"cats_strings", std::vector<std::string>{"a", "b"}}},
                               {f32({2, 2}, {0, 1, 0, 0})}},
                              {"numbers", {f32({1, 1}, {7})}, {{"cats_int64s", Ints{7, 8}}}, {f32({1, 1, 2}, {1, 0})}}};
            },
    },
};
constexpr OpRun runs[] = {{"ai.onnx.ml", "LabelEncoder", map<read_encoder>},
                          {"ai.onnx.ml", "CategoryMapper", map<read_mapper>},
                          {"ai.onnx.ml", "OneHotEncoder", one_hot}};

}  // namespace

std::span<const OpDef> encode_ops() { return defs; }
std::span<const OpRun> encode_runs() { return runs; }

}  // namespace modelctl::ops
