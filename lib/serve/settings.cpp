// One function per type of setting reads its text, for flags and defaults alike.
#include "serve/settings.hpp"

#include "base/check.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace modelctl::serve {
namespace {

bool parse(std::string_view text, double, double, std::string_view, std::string& value) {
  value = text;
  return true;
}

bool parse(std::string_view text, double, double, std::string_view, std::filesystem::path& value) {
  value = text;
  return true;
}

bool parse(std::string_view text, double, double, std::string_view names, setting::choice& value) {
  value.text = text;
  auto all = setting::choices(names);
  return std::find(all.begin(), all.end(), text) != all.end();
}

bool parse(std::string_view text, double, double, std::string_view, bool& value) {
  value = text == "true";
  return value || text == "false";
}

// Counts and sizes have the same C++ type. A count has an upper bound in the table; a size has none, but units.
bool parse(std::string_view text, double least, double most, std::string_view, std::uint64_t& value) {
  if (most == 0) {
    auto bytes = setting::parse_bytes(text);
    if (bytes) value = *bytes;
    return bytes.has_value();
  }
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() && static_cast<double>(value) >= least &&
         static_cast<double>(value) <= most;
}

bool parse(std::string_view text, double least, double, std::string_view, double& value) {
  constexpr double most = 1e9;  // as milliseconds() has it
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  return code == std::errc() && end == text.data() + text.size() && value >= least && value <= most;
}

}  // namespace

std::span<const SettingInfo> all_settings() {
  static constexpr SettingInfo table[] = {
#define SERVE_SETTING(type, key, flag, otherwise, least, most, value, meaning) \
  {#type, #key, flag, otherwise, value, meaning, least, most},
#include "serve/settings.def"
#undef SERVE_SETTING
  };
  return table;
}

std::optional<std::uint64_t> setting::parse_bytes(std::string_view text) {
  std::uint64_t number = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  unit.remove_prefix(std::min(unit.find_first_not_of(' '), unit.size()));
  int shift = unit.empty() || unit == "B" ? 0 : unit == "KiB" ? 10 : unit == "MiB" ? 20 : unit == "GiB" ? 30 : -1;
  if (code != std::errc() || shift < 0 || number > (std::uint64_t{1} << 62) >> shift) return std::nullopt;
  return number << shift;
}

std::vector<std::string> setting::choices(std::string_view value) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at <= value.size();) {
    std::size_t end = std::min(value.find('|', at), value.size());
    all.emplace_back(value.substr(at, end - at));
    at = end + 1;
  }
  return all;
}

// The defaults are parsed from the text that the help shows, so that both cannot differ; a default that cannot be
// parsed is found by the first start of any program.
Settings::Settings() {
#define SERVE_SETTING(type, key, flag, otherwise, least, most, value, meaning) \
  MODELCTL_CHECK(parse(otherwise, least, most, value, key), "the default of --" flag " cannot be read");
#include "serve/settings.def"
#undef SERVE_SETTING
}

Settings complete(const GivenSettings& first, const GivenSettings& second, const GivenSettings& third) {
  Settings settings;
#define SERVE_SETTING(type, key, flag, otherwise, least, most, value, meaning) \
  if (first.key) settings.key = *first.key;                                    \
  else if (second.key) settings.key = *second.key;                             \
  else if (third.key) settings.key = *third.key;
#include "serve/settings.def"
#undef SERVE_SETTING
  return settings;
}

bool toggled(std::string_view flag) {
  auto all = all_settings();
  auto found = std::find_if(all.begin(), all.end(), [&](const SettingInfo& info) { return info.flag == flag; });
  return found == all.end() || found->otherwise != "true";
}

// The flag of a toggle comes without a text.
Result<void> read_setting(GivenSettings& settings, std::string_view given, std::string_view text) {
  for (const SettingInfo& info : all_settings()) {
    if (info.flag == given && info.type == "toggle" && text.empty()) text = toggled(given) ? "true" : "false";
  }
  bool good = false;
#define SERVE_SETTING(type, key, flag, otherwise, least, most, value, meaning) \
  if (given == flag) good = parse(text, least, most, value, settings.key.emplace());
#include "serve/settings.def"
#undef SERVE_SETTING
  if (good) return {};
  for (const SettingInfo& info : all_settings()) {
    if (info.flag != given) continue;
    std::string wanted = info.type == "choice"  ? "one of " + std::string(info.value)
                         : info.type == "count" ? fmt::format("a whole number from {} to {}", info.least, info.most)
                         : info.type == "bytes"
                             ? "a number of bytes, or of KiB, MiB or GiB"
                             : fmt::format("a number of seconds{}", info.least > 0 ? " above 0" : "");
    return Error(Kind::usage, "usage", fmt::format("cannot use '--{} {}'", given, text))
        .because(fmt::format("{} is wanted", wanted));
  }
  return Error(Kind::usage, "usage", fmt::format("there is no option '--{}'", given));
}

}  // namespace modelctl::serve
