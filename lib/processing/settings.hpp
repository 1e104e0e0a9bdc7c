// What modelctl.yaml says of an input or output. A kind of processing lists its keys (kind.hpp); the reader of the
// file, the reference, the schema for editors and the defaults all follow from that list.
#pragma once

#include "base/result.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::processing {

enum class KeyType : std::uint8_t {
  text,     // one of the choices, if there are any; if it reads as a number, it is that, too
  flag,     // true or false
  number,   // within the bounds
  ratio,    // a number, or two: "1/255"
  count,    // a whole number within the bounds
  sizes,    // a whole number, or two: [height, width]
  numbers,  // a number, or a list of them
  labels,   // names of classes: a list, or a file with one per line
  rows,     // a list of mappings with keys of their own
};

struct Key {
  std::string_view name;
  KeyType type;
  std::string_view otherwise;  // the default, as it would stand in the file; empty: none
  std::string_view meaning;    // one line
  std::span<const std::string_view> choices = {};
  double least = 0, most = 0;  // of counts and numbers; equal: unbounded
  bool required = false;
  std::span<const Key> columns = {};  // of rows
};

class Settings;

// What stands behind a key. Each type fills its own member.
struct Setting {
  std::string where;  // file, line and column
  std::vector<std::string> texts;
  std::vector<double> numbers;
  std::vector<Settings> rows;
  std::filesystem::path file;  // of labels; `texts` is filled when the model is built
};

// The values of one list of keys. What is not given has the default of its key.
class Settings {
 public:
  Settings() = default;
  Settings(std::span<const Key> keys, std::string where) : keys_(keys), where_(std::move(where)) {}

  void set(std::string_view name, Setting value) { values_.insert_or_assign(std::string(name), std::move(value)); }
  bool has(std::string_view name) const { return values_.find(name) != values_.end(); }
  // Where the key stands, else the mapping.
  const std::string& where(std::string_view name = {}) const;

  std::string text(std::string_view name) const;
  bool flag(std::string_view name) const;
  double number(std::string_view name) const;  // 0 if there is no default
  std::int64_t count(std::string_view name) const { return static_cast<std::int64_t>(number(name)); }
  const std::vector<double>& numbers(std::string_view name) const;  // as given; empty: absent
  const std::vector<std::string>& texts(std::string_view name) const;
  const std::vector<Settings>& rows(std::string_view name) const;

  const std::map<std::string, Setting, std::less<>>& values() const { return values_; }
  std::map<std::string, Setting, std::less<>>& values() { return values_; }

 private:
  const Setting& value(std::string_view name) const;
  std::string_view otherwise(std::string_view name) const;

  std::span<const Key> keys_;
  std::string where_;
  std::map<std::string, Setting, std::less<>> values_;
};

}  // namespace modelctl::processing
