// The formal parameters of an operator, as OpDef writes them: "X W B?", "data indices:i32,i64 updates:data".
#pragma once

#include <optional>
#include <string_view>

namespace modelctl::ops {

struct Formal {
  std::string_view name;
  std::string_view types;  // "i32,i64", or the name of an earlier one whose type it has; empty: any
  bool optional = false;   // '?': may be absent
  bool rest = false;       // '*': this one and all that follow
};

// Takes the first formal off the list; nullopt if the list is empty.
inline std::optional<Formal> take_formal(std::string_view& list) {
  if (list.empty()) return std::nullopt;
  std::size_t end = list.find(' ');
  std::string_view word = list.substr(0, end);
  list = end == list.npos ? std::string_view() : list.substr(end + 1);
  Formal formal;
  if (std::size_t colon = word.find(':'); colon != word.npos) {
    formal.types = word.substr(colon + 1);
    word = word.substr(0, colon);
  }
  formal.rest = word.ends_with('*');
  if (formal.rest) word.remove_suffix(1);
  formal.optional = word.ends_with('?');
  if (formal.optional) word.remove_suffix(1);
  formal.name = word;
  return formal;
}

}  // namespace modelctl::ops
