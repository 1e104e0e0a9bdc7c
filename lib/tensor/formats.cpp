// What the formats share: selection by extension, expectations, and the check of a tensor against them.
#include "tensor/formats.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl::formats {
namespace {

// ASCII case only: file names are bytes, and the locale must not matter.
bool same_extension(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

// A size of -1 accepts any. Equal symbols are not compared here: only all inputs together show whether they agree.
bool fits(const Dims& dims, const Dims& expected) {
  return std::equal(dims.begin(), dims.end(), expected.begin(), expected.end(),
                    [](std::int64_t have, std::int64_t want) { return want < 0 || have == want; });
}

}  // namespace

std::string describe(const Expected& expected) {
  if (!expected.text.empty()) return expected.text;
  std::string text(expected.type == DType::undefined ? "any type" : name(expected.type));
  if (!expected.dims) return text;
  text += '[';
  for (std::size_t i = 0; i < expected.dims->size(); ++i) {
    std::int64_t dim = (*expected.dims)[i];
    text += fmt::format("{}{}", i > 0 ? "," : "", dim < 0 ? "?" : std::to_string(dim));
  }
  return text + ']';
}

const Expected* Source::find(std::string_view name) const {
  for (const Expected& candidate : expected) {
    if (candidate.name == name) return &candidate;
  }
  if (expected.size() == 1) return &expected.front();
  return name.empty() ? next : nullptr;
}

Result<const Format*> format_of(std::string_view file) {
  std::string known;
  // By the end of the name and not by std::filesystem's extension, which is empty for a file that is called ".npy".
  for (const Format* format : formats()) {
    if (file.size() >= format->extension.size() &&
        same_extension(file.substr(file.size() - format->extension.size()), format->extension)) {
      return format;
    }
    known += fmt::format("{}{}", known.empty() ? "" : ", ", format->extension);
  }
  return Error(Kind::usage, "unknown-format", fmt::format("cannot determine the format of '{}' from its name", file))
      .help(fmt::format("use a name that ends in one of: {}", known));
}

Result<const Format*> format_of_content(ByteSpan content, std::string_view where) {
  if (content.empty()) return unreadable(where, "it is empty");
  std::string known;
  for (const Format* format : formats()) {
    if (format->recognizes(as_text(content))) return format;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", format->extension);
  }
  return unreadable(where, fmt::format("its content is none of: {}", known));
}

// The code is wrong-type, wrong-rank or wrong-shape, in this order of importance.
Result<void> check(const Tensor& tensor, const Expected& expected, std::string_view where) {
  bool type_fits = expected.type == DType::undefined || tensor.type() == expected.type;
  if (type_fits && (!expected.dims || fits(tensor.dims(), *expected.dims))) return {};
  std::string help;
  if (expected.type == DType::map) help = "give it as an object in a .json file: {\"KEY\": VALUE, …}";
  else if (expected.type == DType::sequence) help = "give it as a list in a .json file";
  else if (expected.type == DType::optional) help = "give it in a .json file: {\"optional\": VALUE}";
  else if (!type_fits) help = fmt::format("store its elements as {}", name(expected.type));
  bool rank_fits = !expected.dims || tensor.dims().size() == expected.dims->size();
  return Error(Kind::bad_input,
               !type_fits  ? "wrong-type"
               : rank_fits ? "wrong-shape"
                           : "wrong-rank",
               fmt::format("cannot use '{}' as '{}': it is {}, but the model expects {}", where, expected.name,
                           modelctl::describe(tensor.type(), tensor.dims()), describe(expected)))
      .at(std::string(where))
      .help(std::move(help));
}

Error unreadable(std::string_view where, std::string reason) {
  return Error(Kind::bad_input, "bad-tensor-file", fmt::format("cannot read '{}'", where))
      .at(std::string(where))
      .because(std::move(reason));
}

}  // namespace modelctl::formats
