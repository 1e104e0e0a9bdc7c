// The keys of `inputs` and `outputs` in modelctl.yaml as a reference page and as a JSON Schema for editors, from the
// tables of the kinds (processing/kind.hpp).
#include "base/json.hpp"
#include "cli/describe/reference.hpp"
#include "processing/kind.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace modelctl::cli {
namespace {

using processing::Key;
using processing::KeyType;

std::string value_of(const Key& key) {
  bool bounded = key.least < key.most;
  switch (key.type) {
    case KeyType::text: return key.choices.empty() ? "text" : fmt::format("`{}`", fmt::join(key.choices, "`, `"));
    case KeyType::flag: return "`true`, `false`";
    case KeyType::number: return bounded ? fmt::format("a number from {} to {}", key.least, key.most) : "a number";
    case KeyType::ratio: return "a number or a ratio";
    case KeyType::count: return fmt::format("{:.0f} to {:.0f}", key.least, key.most);
    case KeyType::sizes: return "a size or `[height, width]`";
    case KeyType::numbers: return "a number or a list";
    case KeyType::labels: return "a list or a file";
    case KeyType::rows: return "a list";
  }
  return "";
}

void append_rows(std::string& text, const std::string& path, std::span<const Key> keys) {
  for (const Key& key : keys) {
    std::string otherwise = key.required ? "required" : key.otherwise.empty() ? "" : fmt::format("`{}`", key.otherwise);
    text += fmt::format("| `{}{}` | {} | {} | {} |\n", path, key.name, value_of(key), otherwise, key.meaning);
    append_rows(text, fmt::format("{}{}[].", path, key.name), key.columns);
  }
}

template <class Kind>
void append_kinds(std::string& text, std::string_view section, std::span<const Kind* const> kinds) {
  for (const Kind* kind : kinds) {
    text += fmt::format("\n### {}.NAME.{}\n\n{}.\n\n| key | value | default | meaning |\n|---|---|---|---|\n", section,
                        kind->name, kind->summary);
    append_rows(text, "", kind->keys);
  }
}

Json schema_of(std::span<const Key> keys);

Json schema_of(const Key& key) {
  Json schema = {{"description", key.meaning}};
  Json number = {{"type", "number"}}, text = {{"type", "string"}, {"minLength", 1}};
  if (key.least < key.most) number.update({{"minimum", key.least}, {"maximum", key.most}});
  auto list_of = [](Json item) { return Json{{"type", "array"}, {"items", std::move(item)}, {"minItems", 1}}; };
  switch (key.type) {
    case KeyType::text:
      if (key.choices.empty()) schema["type"] = {"string", "number"};
      else schema["enum"] = key.choices;
      break;
    case KeyType::flag: schema["type"] = "boolean"; break;
    case KeyType::number: schema.update(number); break;
    case KeyType::ratio: schema["type"] = {"string", "number"}; break;
    case KeyType::count:
      schema.update(number);
      schema["type"] = "integer";
      break;
    case KeyType::sizes: {
      Json size = {{"type", "integer"}, {"minimum", 1}, {"maximum", 16384}};
      Json both = list_of(size);
      both["maxItems"] = 2;
      schema["anyOf"] = {size, both};
      break;
    }
    case KeyType::numbers: schema["anyOf"] = {number, list_of(number)}; break;
    case KeyType::labels: schema["anyOf"] = {text, list_of(text)}; break;
    case KeyType::rows: schema.update(list_of(schema_of(key.columns))); break;
  }
  return schema;
}

Json schema_of(std::span<const Key> keys) {
  Json properties = Json::object(), required = Json::array();
  for (const Key& key : keys) {
    properties[std::string(key.name)] = schema_of(key);
    if (key.required) required.push_back(key.name);
  }
  Json schema = {{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

template <class Kind>
Json schema_of(std::string_view description, std::span<const Kind* const> kinds) {
  Json properties = Json::object();
  for (const Kind* kind : kinds) {
    Json schema = schema_of(kind->keys);
    schema["description"] = kind->summary;
    if (!schema.contains("required")) schema["type"] = {"object", "null"};
    properties[std::string(kind->name)] = std::move(schema);
  }
  Json entry = {{"type", "object"},
                {"additionalProperties", false},
                {"minProperties", 1},
                {"maxProperties", 1},
                {"properties", std::move(properties)}};
  return {{"description", description}, {"type", {"object", "null"}}, {"additionalProperties", std::move(entry)}};
}

}  // namespace

std::string processing_markdown() {
  std::string text =
      "<!-- man page modelctl-inputs(7): what inputs are made from and outputs mean -->\n"
      "# What inputs are made from, and what outputs mean\n\n"
      "Under `inputs` and `outputs`, [modelctl.yaml](modelctl-yaml.md) describes inputs and outputs of the model by "
      "their names.\n"
      "`build` makes that a part of the artifact: whatever runs it takes image files and columns instead of tensors, "
      "and\n"
      "returns labels and boxes. [A how-to page](../how-to/take-images-and-return-labels.md) shows examples.\n\n"
      "    inputs:\n      NAME:          # of the model's input\n        image:       # one of the kinds below\n       "
      "   resize: 256\n"
      "    outputs:\n      NAME:\n        classes:\n          labels: labels.txt\n\n"
      "Paths are relative to the file.\n\n## Inputs\n";
  append_kinds(text, "inputs", processing::input_kinds());
  text += "\n## Outputs\n";
  append_kinds(text, "outputs", processing::output_kinds());
  return text;
}

std::string processing_schema() {
  Json schema = {
      {"$defs",
       {{"inputs", schema_of("What inputs are made from, by the names of the model's", processing::input_kinds())},
        {"outputs", schema_of("What outputs mean, by the names of the model's", processing::output_kinds())}}}};
  return schema.dump(2) + "\n";
}

}  // namespace modelctl::cli
