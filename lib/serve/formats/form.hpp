// A body of multipart/form-data, as browsers and `curl -F` send files (RFC 7578; the delimiters are RFC 2046's).
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace modelctl::serve {

inline constexpr std::string_view form_type = "multipart/form-data";

struct FormPart {
  std::string name;
  std::string media_type;    // as the part states it; may be empty
  std::string_view content;  // within the body
};

// Whether a Content-Type, with its parameters, is that of a form.
bool is_form(std::string_view content_type);

// The parts in their order. Fails (bad_input, code bad-form) if it is not such a body, or has more than `most` parts.
Result<std::vector<FormPart>> read_form(std::string_view content_type, std::string_view body, std::size_t most);

}  // namespace modelctl::serve
