// A default is text, as a user would write it, and is read the same way.
#include "processing/settings.hpp"

#include "base/check.hpp"

#include <algorithm>
#include <charconv>

namespace modelctl::processing {

const Setting& Settings::value(std::string_view name) const {
  static const Setting absent;
  auto found = values_.find(name);
  return found == values_.end() ? absent : found->second;
}

std::string_view Settings::otherwise(std::string_view name) const {
  auto key = std::find_if(keys_.begin(), keys_.end(), [&](const Key& each) { return each.name == name; });
  MODELCTL_CHECK(key != keys_.end(), "a kind of processing asks for keys that it lists");
  return key->otherwise;
}

const std::string& Settings::where(std::string_view name) const {
  auto found = values_.find(name);
  return found == values_.end() ? where_ : found->second.where;
}

std::string Settings::text(std::string_view name) const {
  const Setting& given = value(name);
  return given.texts.empty() ? std::string(otherwise(name)) : given.texts.front();
}

bool Settings::flag(std::string_view name) const { return text(name) == "true"; }

double Settings::number(std::string_view name) const {
  const Setting& given = value(name);
  if (!given.numbers.empty()) return given.numbers.front();
  std::string_view text = otherwise(name);
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

const std::vector<double>& Settings::numbers(std::string_view name) const { return value(name).numbers; }
const std::vector<std::string>& Settings::texts(std::string_view name) const { return value(name).texts; }
const std::vector<Settings>& Settings::rows(std::string_view name) const { return value(name).rows; }

}  // namespace modelctl::processing
