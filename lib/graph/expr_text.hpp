// The words of the graph's text form, shared by Expr and the graph printer and parser.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace modelctl::graph {

// A name as the text form spells it: bare where it is a plain identifier that means nothing else, quoted otherwise.
std::string expr_word(std::string_view name);

// `"…"` with \" \\ \n \t \xHH for what is not printable ASCII.
std::string quoted(std::string_view text);
// Reads a quoted text at text[at] == '"' and moves `at` past it; nothing where it is malformed.
std::optional<std::string> read_quoted(std::string_view text, std::size_t& at);

}  // namespace modelctl::graph
