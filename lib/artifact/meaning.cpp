// "image: the shorter side is resized to 256"
#include "artifact/meaning.hpp"

#include <algorithm>

namespace modelctl::artifact {
namespace {

constexpr std::string_view words[] = {"values", "image", "column", "label", "probability", "box"};
constexpr std::string_view separator = ": ";

}  // namespace

std::string_view word(Content content) { return words[static_cast<std::size_t>(content)]; }

std::string meaning_key(Side side, std::string_view name) {
  return (side == Side::input ? "input." : "output.") + std::string(name);
}

Meaning meaning_of(const Metadata& metadata, Side side, std::string_view name) {
  auto entry = metadata.find(meaning_key(side, name));
  if (entry == metadata.end()) return {};
  std::string_view text = entry->second;
  auto known = std::find(std::begin(words), std::end(words), text.substr(0, text.find(separator)));
  if (known == std::end(words)) return {Content::values, std::string(text)};
  std::size_t after = std::min(known->size() + separator.size(), text.size());
  return {static_cast<Content>(known - std::begin(words)), std::string(text.substr(after))};
}

void set_meaning(Metadata& metadata, Side side, std::string_view name, const Meaning& meaning) {
  metadata[meaning_key(side, name)] = std::string(word(meaning.content)) + std::string(separator) + meaning.description;
}

}  // namespace modelctl::artifact
