// The text of a set of types, as error messages and the reference have it: what is in it, or what is missing, whichever
// is shorter.
#include "ops/schema/types.hpp"

#include "base/check.hpp"

namespace modelctl::ops {

std::uint64_t Types::unknown_word() {
  MODELCTL_CHECK(false, "a set of element types names types and groups that there are");
  return 0;
}

std::string Types::text() const {
  std::string with, without;
  std::size_t absent = 0;
  constexpr Types any("any");
  for (const Name& name : names) {
    if (has(name.type)) with += (with.empty() ? "" : " ") + std::string(name.word);
    else if (any.has(name.type)) without += " " + std::string(name.word), ++absent;
  }
  constexpr std::size_t few = 8;
  if (absent > few) return with;
  std::string text = absent == 0 ? "any" : "any but" + without;
  for (DType type : {DType::sequence, DType::optional, DType::map}) {
    if (has(type)) text += ", " + std::string(name(type));
  }
  return text;
}

}  // namespace modelctl::ops
