// The settings of a serving process as types, made of the rows of serve/settings.def. To add a setting, add a row, and
// use it.
#pragma once

#include "base/result.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::serve {

namespace setting {

using text = std::string;
using file = std::filesystem::path;
using count = std::uint64_t;
using bytes = std::uint64_t;
using seconds = double;
struct choice {
  std::string text;  // one of the row's values
};
using toggle = bool;

// A size: bytes, or with B, KiB, MiB or GiB, a space before it or not. Nothing if it is not one, or beyond 2^62.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

// What "strings|null|reject", the value's name of a choice, lists.
std::vector<std::string> choices(std::string_view value);

}  // namespace setting

// What a user gave, on the command line or in modelctl.yaml.
struct GivenSettings {
#define SERVE_SETTING(type, key, flag, otherwise, least, most, value, meaning) std::optional<setting::type> key;
#include "serve/settings.def"
#undef SERVE_SETTING
};

// All of them; what is not set has its default.
struct Settings {
  Settings();

#define SERVE_SETTING(type, key, flag, otherwise, least, most, value, meaning) setting::type key{};
#include "serve/settings.def"
#undef SERVE_SETTING
};

// Each setting as the first has it, else the second, else the third, else its default.
Settings complete(const GivenSettings& first, const GivenSettings& second = {}, const GivenSettings& third = {});

// A row of the table, for those who show it.
struct SettingInfo {
  std::string_view type, key, flag, otherwise, value, meaning;
  double least, most;
};
std::span<const SettingInfo> all_settings();

// What a toggle's flag makes it: the value that is not its default.
bool toggled(std::string_view flag);

// Reads one setting, as a linked program's flag gives it.
Result<void> read_setting(GivenSettings& settings, std::string_view flag, std::string_view text);

// The unit of the clocks; 30 years at most, since more overflows them.
inline std::chrono::milliseconds milliseconds(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::min(seconds, 1e9) * 1000));
}

}  // namespace modelctl::serve
