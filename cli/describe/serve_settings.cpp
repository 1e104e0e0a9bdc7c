// The settings of `serve` as a reference page and as a JSON Schema for editors, from the rows of serve/settings.def.
#include "base/json.hpp"
#include "cli/describe/reference.hpp"
#include "serve/settings.hpp"

#include <fmt/format.h>

namespace modelctl::cli {

std::string serve_settings_markdown() {
  std::string text =
      "<!-- man page modelctl-serve-settings(7): the settings of a server -->\n# Settings of a server\n\n"
      "Each is a flag of `modelctl serve` and of a program that was linked with `--serve`, and a key under `serve` in\n"
      "[modelctl.yaml](modelctl-yaml.md). Flags take precedence. Sizes are bytes, or with `KiB`, `MiB`, `GiB`.\n\n"
      "| key | flag | default | meaning |\n|---|---|---|---|\n";
  for (const serve::SettingInfo& setting : serve::all_settings()) {
    std::string otherwise = setting.otherwise.empty() ? "" : fmt::format("`{}`", setting.otherwise);
    std::string bounds = setting.type == "count" ? fmt::format(", {:.0f} to {:.0f}", setting.least, setting.most) : "";
    std::string value(setting.value);  // a bar would end the cell
    for (std::size_t at = 0; (at = value.find('|', at)) != value.npos; at += 2) value.insert(at, 1, '\\');
    std::string flag = fmt::format("--{}{}{}", setting.flag, value.empty() ? "" : " ", value);
    text += fmt::format("| `serve.{}` | `{}` | {} | {}{} |\n", setting.key, flag, otherwise, setting.meaning, bounds);
  }
  return text;
}

std::string serve_settings_schema() {
  std::string properties;
  for (const serve::SettingInfo& setting : serve::all_settings()) {
    std::string type = R"("type": "string")";
    if (setting.type == "count")
      type = fmt::format(R"("type": "integer", "minimum": {:.0f}, "maximum": {:.0f})", setting.least, setting.most);
    if (setting.type == "seconds")
      type = fmt::format(R"("type": "number", "{}": 0)", setting.least > 0 ? "exclusiveMinimum" : "minimum");
    if (setting.type == "choice")
      type = fmt::format(R"("enum": {})", Json(serve::setting::choices(setting.value)).dump());
    if (setting.type == "toggle") type = R"("type": "boolean")";
    if (setting.type == "bytes") type = R"("$ref": "#/$defs/bytes")";
    properties += fmt::format("{}\n    \"{}\": {{{}, \"description\": {}}}", properties.empty() ? "" : ",", setting.key,
                              type, Json(std::string(setting.meaning)).dump());
  }
  return "{\n"
         "  \"description\": \"The flags of `serve`\",\n"
         "  \"type\": [\"object\", \"null\"],\n"
         "  \"additionalProperties\": false,\n"
         "  \"properties\": {" +
         properties +
         "\n  },\n"
         "  \"$defs\": {\n"
         "    \"bytes\": {\n"
         "      \"anyOf\": [\n"
         "        {\"type\": \"integer\", \"minimum\": 0},\n"
         "        {\"type\": \"string\", \"pattern\": \"^[0-9]+ *(B|KiB|MiB|GiB)?$\"}\n"
         "      ]\n"
         "    }\n"
         "  }\n"
         "}\n";
}

}  // namespace modelctl::cli
