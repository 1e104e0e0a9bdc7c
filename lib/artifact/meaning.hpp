// What an input is made from, and what an output means, if the builder of the model said so (lib/processing). The
// plan's format has no field for it: it stands in the metadata, as a word and a line for people.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace modelctl::artifact {

enum class Content : std::uint8_t {
  values,       // nothing is known: what the model itself takes or returns
  image,        // of an input: strings with the bytes of image files
  column,       // of an input: a column of a table, in which values may be missing
  label,        // of an output: the name of a class; empty if there is none
  probability,  // of the label at the same place
  box,          // left, top, right and bottom, of the label at the same place
};
std::string_view word(Content content);

struct Meaning {
  Content content = Content::values;
  std::string description = {};  // one line
};

enum class Side : std::uint8_t { input, output };
using Metadata = std::map<std::string, std::string>;

// The entry of the metadata for an input or output.
std::string meaning_key(Side side, std::string_view name);
// What the metadata have; a text that nobody wrote here is a description of values.
Meaning meaning_of(const Metadata& metadata, Side side, std::string_view name);
void set_meaning(Metadata& metadata, Side side, std::string_view name, const Meaning& meaning);

}  // namespace modelctl::artifact
