// Each part begins with a line of the delimiter, "--" and the boundary, has headers and an empty line, and ends before
// the next delimiter; a delimiter with "--" after it ends the body. What stands before the first and after the last has
// no meaning.
#include "serve/formats/form.hpp"

#include "serve/http/header_text.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::serve {
namespace {

constexpr std::string_view line_end = "\r\n";

Error no_form(std::string reason) {
  return Error(Kind::bad_input, "bad-form", "cannot read the body as multipart/form-data").because(std::move(reason));
}

// A header's value and its parameters: `form-data; name="x"; filename="a;b.png"`.
class Parameters {
 public:
  explicit Parameters(std::string_view text) : left_(text) {
    value_ = trimmed(left_.substr(0, left_.find(';')));
    skip_to_next();
  }

  std::string_view value() const { return value_; }

  // The first of this name, without its quotes; empty if there is none.
  std::string find(std::string_view name) const {
    for (Parameters rest = *this; !rest.left_.empty();) {
      auto [key, text] = rest.next();
      if (same_text(key, name)) return text;
    }
    return {};
  }

 private:
  void skip_to_next() {
    std::size_t semicolon = left_.find(';');
    left_ = semicolon == left_.npos ? std::string_view() : left_.substr(semicolon + 1);
  }

  std::pair<std::string_view, std::string> next() {
    std::size_t end = std::min(left_.find_first_of("=;"), left_.size());
    std::string_view key = trimmed(left_.substr(0, end));
    left_.remove_prefix(end);
    std::string text;
    if (left_.starts_with("=\"")) {
      left_.remove_prefix(2);
      for (; !left_.empty() && left_.front() != '"'; left_.remove_prefix(1)) {
        if (left_.front() == '\\' && left_.size() > 1) left_.remove_prefix(1);
        text += left_.front();
      }
    } else if (left_.starts_with("=")) {
      text = trimmed(left_.substr(1, left_.find(';') - 1));
    }
    skip_to_next();
    return {key, text};
  }

  std::string_view value_, left_;
};

// Reads "Name: value" lines up to the empty one, which it takes as well.
Result<FormPart> read_headers(std::string_view& text) {
  FormPart part;
  for (;;) {
    std::size_t end = text.find(line_end);
    if (end == text.npos) return no_form("the headers of a part do not end");
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + line_end.size());
    if (line.empty()) return part;
    std::size_t colon = std::min(line.find(':'), line.size());
    std::string_view name = line.substr(0, colon), value = line.substr(std::min(colon + 1, line.size()));
    if (same_text(name, "content-disposition")) part.name = Parameters(value).find("name");
    if (same_text(name, "content-type")) part.media_type = trimmed(value);
    if (same_text(name, "content-transfer-encoding") && !same_text(trimmed(value), "binary") &&
        !same_text(trimmed(value), "8bit") && !same_text(trimmed(value), "7bit"))
      return no_form("a part is encoded by 'Content-Transfer-Encoding', which RFC 7578 does not allow");
  }
}

}  // namespace

bool is_form(std::string_view content_type) { return same_text(Parameters(content_type).value(), form_type); }

Result<std::vector<FormPart>> read_form(std::string_view content_type, std::string_view body, std::size_t most) {
  std::string boundary = Parameters(content_type).find("boundary");
  if (boundary.empty() || boundary.size() > 70) return no_form("'Content-Type' has no boundary of 1 to 70 characters");
  const std::string delimiter = fmt::format("\r\n--{}", boundary);
  // The first delimiter may stand at the very beginning, where no line ends before it.
  std::string_view left = body;
  if (left.starts_with(std::string_view(delimiter).substr(line_end.size()))) {
    left.remove_prefix(delimiter.size() - line_end.size());
  } else {
    std::size_t first = left.find(delimiter);
    if (first == left.npos) return no_form(fmt::format("it has no delimiter '--{}'", boundary));
    left.remove_prefix(first + delimiter.size());
  }
  std::vector<FormPart> parts;
  while (!left.starts_with("--")) {
    left.remove_prefix(std::min(left.find_first_not_of(" \t"), left.size()));
    if (!left.starts_with(line_end)) return no_form("a delimiter does not stand on a line of its own");
    if (parts.size() == most) return no_form(fmt::format("it has more than {} parts", most));
    left.remove_prefix(line_end.size());
    FormPart part = TRY(read_headers(left));
    // A part without content ends with the line that its headers end with.
    std::string_view from(left.data() - line_end.size(), left.size() + line_end.size());
    std::size_t end = from.find(delimiter);
    if (end == from.npos) return no_form("the last delimiter is missing: a part of the body did not arrive");
    part.content = left.substr(0, end < line_end.size() ? 0 : end - line_end.size());
    parts.push_back(std::move(part));
    left = from.substr(end + delimiter.size());
  }
  return parts;
}

}  // namespace modelctl::serve
