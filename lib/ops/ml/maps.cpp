// ai.onnx.ml: ZipMap, CastMap and DictVectorizer, between tensors and maps. A map is a pair of tensors of rank 1, keys
// and values, in insertion order (tensor/collection.hpp); sequences of maps share their keys.
//
// Smallest runner: regular, since maps come from classical models: ZipMap makes probabilities by name.
#include "ops/reference/run.hpp"
#include "ops/reference/scores.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"
#include "tensor/collection.hpp"

#include <charconv>
#include <unordered_map>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;
using graph::Type;

// Keys as the attributes of these operators list them: strings or integers, one of two attributes.
Result<Tensor> read_keys(const Attributes& attributes, std::string_view texts, std::string_view numbers) {
  ClassLabels labels = TRY(read_labels(attributes, texts, numbers));
  if (labels.numbers != nullptr) return Tensor::of_ints(*labels.numbers);
  return Tensor::of_strings({static_cast<std::int64_t>(labels.size())}, *labels.texts);
}

// [N,C] or [C] becomes a sequence of N maps from the labels to f32.
Result<void> infer_zip(Inference& call) {
  if (auto table = need_rank(call, 0, 1, 2); !table) {
    // skl2onnx writes one for a forest with several labels, whose probabilities have rank 3.
    return std::move(table).error().help(
        "export the model without ZipMap; with skl2onnx: options={id(model): {'zipmap': False}}");
  }
  auto keys = read_keys(call.attributes(), "classlabels_strings", "classlabels_int64s");
  if (!keys) return call.bad(keys.error().what);
  call.set_type(0, Type::sequence(Type::map(keys->type(), {DType::f32, Shape{}})));
  return {};
}

// All maps share the keys, and one copy of the values, of which each map views its row. The sequence holds more memory
// than its output, and claims it, so that the memory limit of a run counts it.
Result<void> zip(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  Tensor keys = TRY(read_keys(call.attributes, "classlabels_strings", "classlabels_int64s"));
  if (x.type != DType::f32) return refuse_type(x.type);
  if (x.rank() < 1 || x.rank() > 2) return refuse("X must have rank 1 or 2, not " + std::to_string(x.rank()));
  std::int64_t rows = x.rank() == 2 ? x.dim(0) : 1, columns = x.dims.back();
  if (columns != keys.elements()) {
    return refuse("there are " + std::to_string(keys.elements()) + " labels for rows of " + std::to_string(columns));
  }
  // Claimed before the copy is made, so that a run beyond its limit fails without having taken the memory.
  TRY(outputs.claim(static_cast<std::uint64_t>(rows) * (sizeof(Map) + sizeof(Tensor)) +
                    static_cast<std::uint64_t>(x.elements()) * sizeof(float)));
  Tensor values = copy_of(x);
  Sequence& z = sequence_in(TRY(outputs.allocate(0, DType::sequence, {})));
  z.element = DType::map;
  for (std::int64_t row = 0; row < rows; ++row) {
    const float* first = values.as<float>().data() + row * columns;
    z.items.push_back(tensor_of(Map{keys, Tensor(DType::f32, {columns}, values.owner(), first)}));
  }
  return {};
}

// Input 0, which must be a map.
Result<const Map*> map_of(const Call& call) {
  if (call.input(0).type != DType::map) return refuse("its input is not a map");
  return &map_in(call.input(0));
}

// A string as a number, all of it; fails for anything else, where std::stof would take a prefix.
// from_chars, since it does not depend on the locale: a decimal point is one in every country.
template <class T>
Result<T> parsed(const std::string& text) {
  T value{};
  const char* end = text.data() + text.size();
  auto [stop, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc() || stop != end) return refuse("'" + text.substr(0, 40) + "' is not a number");
  return value;
}

// CastMap's conversion of one value. Floats are cut towards zero and saturate; strings are parsed.
// A float as text has six decimals, as std::to_string writes it.
template <class To, class From>
Result<To> converted(const From& value) {
  if constexpr (std::is_same_v<To, From>) return value;
  else if constexpr (std::is_same_v<To, std::string>) return std::to_string(value);
  else if constexpr (std::is_same_v<From, std::string>) return parsed<To>(value);
  else if constexpr (std::is_integral_v<To>) return saturated<To>(value);
  else return static_cast<To>(value);
}

constexpr std::string_view casts = "TO_FLOAT TO_INT64 TO_STRING";
// The output's element type.
DType cast_type(const Attributes& attributes) {
  constexpr DType types[] = {DType::f32, DType::i64, DType::string};
  return types[choice_of(attributes, "cast_to", casts)];
}

bool is_sparse(const Attributes& attributes) { return attributes.text("map_form") == "SPARSE"; }

// One row. DENSE: as many columns as the map has entries, known only when it runs; SPARSE: max_map.
Result<void> infer_cast(Inference& call) {
  bool sparse = is_sparse(call.attributes());
  Expr columns = sparse ? Expr(call.attributes().integer("max_map", 1)) : call.fresh_symbol();
  call.set_output(0, cast_type(call.attributes()), Shape{Expr(1), std::move(columns)});
  return {};
}

// DENSE puts the values in the order of their keys; SPARSE puts the value of key k into column k, and 0 or ""
// elsewhere.
Result<void> cast(const Call& call, Outputs& outputs) {
  const Map& map = *TRY(map_of(call));
  DType type = cast_type(call.attributes);
  bool sparse = is_sparse(call.attributes);
  if (map.keys.type() != DType::i64) return refuse("the keys must be whole numbers");
  auto keys = map.keys.as<std::int64_t>();
  // The entries in ascending order of their keys, whatever order the map has them in.
  std::vector<std::size_t> order(keys.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  std::int64_t columns = map.keys.elements();
  if (sparse) {
    columns = call.attributes.integer("max_map", 1);
    // Checked for all keys before anything is written: a key is a column's index.
    if (columns < 1) return refuse("max_map must be 1 or more");
    for (std::int64_t key : keys) {
      if (key < 0 || key >= columns) return refuse("key " + std::to_string(key) + " is beyond max_map");
    }
  }
  MutableTensorView y = TRY(outputs.allocate(0, type, Dims{1, columns}));
  return for_type<TypeList<float, std::int64_t, std::string>>(type, [&]<class To>() -> Result<void> {
    auto to = y.as<To>();
    std::fill(to.begin(), to.end(), To());
    return for_type<TypeList<float, std::string>>(map.values.type(), [&]<class From>() -> Result<void> {
      for (std::size_t i = 0; i < order.size(); ++i) {
        std::size_t column = sparse ? static_cast<std::size_t>(keys[order[i]]) : i;
        to[column] = TRY((converted<To, From>(map.values.as<From>()[order[i]])));
      }
      return {};
    });
  });
}

// One row with a column for each key of the vocabulary.
Result<void> infer_vectorize(Inference& call) {
  auto keys = read_keys(call.attributes(), "string_vocabulary", "int64_vocabulary");
  if (!keys) return call.bad(keys.error().what);
  // The map's type includes that of its values, which is the output's.
  const Type* map = call.type(0);
  DType values = map == nullptr || map->inside == nullptr ? DType::undefined : map->inside->element;
  call.set_output(0, values, Shape{Expr(1), Expr(keys->elements())});
  return {};
}

// The first of equal keys counts. Entries whose key is not in the vocabulary are dropped.
template <class Key, class Value>
void look_up(const Tensor& vocabulary, const Map& map, std::span<Value> to) {
  std::unordered_map<Key, std::size_t> places;
  auto keys = map.keys.as<Key>();
  for (std::size_t i = 0; i < keys.size(); ++i) places.emplace(keys[i], i);
  for (std::size_t i = 0; i < to.size(); ++i) {
    auto found = places.find(vocabulary.as<Key>()[i]);
    to[i] = found == places.end() ? Value() : map.values.as<Value>()[found->second];
  }
}

// The output has the order of the vocabulary, not that of the map: so every row of a data set has the same columns, and
// what a map leaves out is 0 or "".
Result<void> vectorize(const Call& call, Outputs& outputs) {
  const Map& map = *TRY(map_of(call));
  Tensor vocabulary = TRY(read_keys(call.attributes, "string_vocabulary", "int64_vocabulary"));
  if (vocabulary.type() != map.keys.type()) return refuse("the vocabulary is not of the keys' type");
  MutableTensorView y = TRY(outputs.allocate(0, map.values.type(), Dims{1, vocabulary.elements()}));
  return for_type<TypeList<float, double, std::int64_t, std::string>>(y.type, [&]<class T>() -> Result<void> {
    if (vocabulary.type() == DType::string) look_up<std::string, T>(vocabulary, map, y.as<T>());
    else look_up<std::int64_t, T>(vocabulary, map, y.as<T>());
    return {};
  });
}

constexpr AttributeDef of_zip[] = {{"classlabels_int64s", AttributeType::integers, "the keys, if they are numbers"},
                                   {"classlabels_strings", AttributeType::texts, "the keys, if they are strings"}};
constexpr AttributeDef of_cast[] = {
    text_choice("cast_to", casts, "the output's type"),
    text_choice("map_form", "DENSE SPARSE", "values in the order of keys, or a column for each key"),
    {"max_map", AttributeType::integer, "of the sparse form: how many columns there are"}};
constexpr AttributeDef of_vectorizer[] = {
    {"int64_vocabulary", AttributeType::integers, "the keys, if they are numbers"},
    {"string_vocabulary", AttributeType::texts, "the keys, if they are strings"}};

constexpr OpDef defs[] = {
    {
        .domain = "ai.onnx.ml",
        .name = "ZipMap",
        .since = 1,
        .summary = "Each row as a map from labels to its numbers.",
        .inputs = "X",
        .outputs = "Z",
        .types = "f32",
        .attributes = of_zip,
        .infer = infer_zip,
        .examples =
            [] {
              Tensor keys = strings({2}, {"a", "b"});
              Sequence rows{DType::map,
                            {tensor_of(Map{keys, f32({2}, {1, 2})}), tensor_of(Map{keys, f32({2}, {3, 4})})}};
              return Examples{{"two rows",
                               {f32({2, 2}, {1, 2, 3, 4})},
                               {{"classlabels_strings", std::vector<std::string>{"a", "b"}}},
                               {tensor_of(std::move(rows))}}};
            },
    },
    {
        .domain = "ai.onnx.ml",
        .name = "CastMap",
        .since = 1,
        .summary = "A map's values as a row.",
        .inputs = "X",
        .outputs = "Y",
        .types = "map",
        .attributes = of_cast,
        .infer = infer_cast,
        .examples =
            [] {
              Tensor numbers = tensor_of(Map{i64({2}, {2, 0}), f32({2}, {5, 6})});
              Tensor texts = tensor_of(Map{i64({2}, {2, 0}), strings({2}, {"5", "-6"})});
              return Examples{{"in the keys' order", {numbers}, {}, {f32({1, 2}, {6, 5})}},
                              {"a column for each key, from texts",
                               {texts},
                               {{"cast_to", std::string("TO_INT64")},
                                {"map_form", std::string("SPARSE")},
                                {"max_map", std::int64_t{4}}},
                               {i64({1, 4}, {-6, 0, 5, 0})}}};
            },
    },
    {
        .domain = "ai.onnx.ml",
        .name = "DictVectorizer",
        .since = 1,
        .summary = "A map's values in the order of a vocabulary, 0 if a key is missing.",
        .inputs = "X",
        .outputs = "Y",
        .types = "map",
        .attributes = of_vectorizer,
        .infer = infer_vectorize,
        .examples =
            [] {
              return Examples{{"texts",
                               {tensor_of(Map{strings({2}, {"b", "x"}), f32({2}, {5, 6})})},
                               {{"string_vocabulary", std::vector<std::string>{"a", "b"}}},
                               {f32({1, 2}, {0, 5})}}};
            },
    },
};
constexpr OpRun runs[] = {
    {"ai.onnx.ml", "ZipMap", zip}, {"ai.onnx.ml", "CastMap", cast}, {"ai.onnx.ml", "DictVectorizer", vectorize}};

}  // namespace

std::span<const OpDef> maps_ops() { return defs; }
std::span<const OpRun> maps_runs() { return runs; }

}  // namespace modelctl::ops
