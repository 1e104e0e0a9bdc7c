// modelctl::FillMissing and modelctl::CategoryIndex: columns of a table, whose values may be missing (NaN, or an empty
// text) or unknown. ONNX's operators would carry a NaN into the model, and its LabelEncoder an index of -1: these two
// refuse what nothing was said about, and name the row.
//
// Smallest runner: regular, since only models of tables need them.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <cmath>
#include <unordered_map>

namespace modelctl::ops {
namespace {

Error missing(const Call& call, std::size_t row) {
  return Error(Kind::bad_input, "missing-value",
               "cannot use the column '" + std::string(call.attributes.text("column")) + "': row " +
                   std::to_string(row) + " has no value")
      .help("give a value; or say in modelctl.yaml what takes its place ('missing'), and build the model again");
}

Result<void> fill_missing(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (x.type != DType::f32) return refuse_type(x.type);
  auto y = TRY(outputs.allocate(0, x.type, x.dims)).as<float>();
  auto values = x.as<float>();
  bool fills = call.attributes.has("value");
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (std::isnan(values[i]) && !fills) return missing(call, i);
    y[i] = std::isnan(values[i]) ? call.attributes.number("value") : values[i];
  }
  return {};
}

// A message lists the first of many categories.
std::string listed(const std::vector<std::string>& texts) {
  constexpr std::size_t most = 10;
  std::string list;
  for (std::size_t i = 0; i < std::min(texts.size(), most); ++i) list += (i == 0 ? "'" : ", '") + texts[i] + "'";
  return texts.size() > most ? list + " and " + std::to_string(texts.size() - most) + " more" : list;
}

Result<void> category_index(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (x.type != DType::string) return refuse_type(x.type);
  const std::vector<std::string>& categories = call.attributes.texts("categories");
  std::unordered_map<std::string_view, std::int64_t> index;
  for (const std::string& category : categories) index.emplace(category, static_cast<std::int64_t>(index.size()));
  bool knows_empty = index.contains("");
  auto y = TRY(outputs.allocate(0, DType::i64, x.dims)).as<std::int64_t>();
  auto values = x.as<std::string>();
  for (std::size_t i = 0; i < y.size(); ++i) {
    std::string_view value = values[i];
    if (value.empty() && !knows_empty) {
      if (!call.attributes.has("missing")) return missing(call, i);
      value = call.attributes.text("missing");
    }
    auto found = index.find(value);
    if (found != index.end()) {
      y[i] = found->second;
    } else if (call.attributes.has("unknown")) {
      y[i] = call.attributes.integer("unknown");
    } else {
      return Error(Kind::bad_input, "unknown-category",
                   "cannot use the column '" + std::string(call.attributes.text("column")) + "': row " +
                       std::to_string(i) + " is '" + values[i].substr(0, 40) + "'")
          .because("its categories are: " + listed(categories));
    }
  }
  return {};
}

Result<void> infer_category_index(Inference& call) {
  std::optional<graph::Shape> shape;
  if (const graph::Shape* known = call.shape(0)) shape = *known;
  call.set_output(0, DType::i64, std::move(shape));
  return {};
}

constexpr AttributeDef number_attributes[] = {
    {"column", AttributeType::text, "name of the column, for messages"},
    {"value", AttributeType::number, "what takes the place of NaN; without it, NaN is refused"}};

constexpr AttributeDef category_attributes[] = {
    {"column", AttributeType::text, "name of the column, for messages"},
    {"categories", AttributeType::texts, "the categories, by index", true},
    {"missing", AttributeType::text, "what takes the place of an empty text; without it, that is refused"},
    {"unknown", AttributeType::integer, "index of a text that is not a category; without it, that is refused"}};

constexpr OpDef defs[] = {
    {
        .domain = "modelctl",
        .name = "FillMissing",
        .since = 1,
        .summary = "A column of numbers with a value in place of each NaN.",
        .inputs = "X",
        .outputs = "Y",
        .types = "f32",
        .attributes = number_attributes,
        .infer = infer_same,
        .examples =
            [] {
              float nan = std::numeric_limits<float>::quiet_NaN();
              return Examples{{"the mean in place of what is missing",
                               {f32({3}, {1, nan, 3})},
                               {{"value", 2.0f}},
                               {f32({3}, {1, 2, 3})},
                               0}};
            },
    },
    {
        .domain = "modelctl",
        .name = "CategoryIndex",
        .since = 1,
        .summary = "The index of each text in a list of categories.",
        .inputs = "X",
        .outputs = "Y",
        .types = "string",
        .attributes = category_attributes,
        .infer = infer_category_index,
        .examples =
            [] {
              using Texts = std::vector<std::string>;
              return Examples{{"by index",
                               {strings({2}, {"blue", "red"})},
                               {{"categories", Texts{"red", "blue"}}},
                               {i64({2}, {1, 0})},
                               0},
                              {"one is missing, and one is not a category",
                               {strings({2, 1}, {"", "pink"})},
                               {{"categories", Texts{"red", "blue"}},
                                {"missing", std::string("blue")},
                                {"unknown", std::int64_t{2}}},
                               {i64({2, 1}, {1, 2})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"modelctl", "FillMissing", fill_missing}, {"modelctl", "CategoryIndex", category_index}};

}  // namespace

std::span<const OpDef> columns_ops() { return defs; }
std::span<const OpRun> columns_runs() { return runs; }

}  // namespace modelctl::ops
