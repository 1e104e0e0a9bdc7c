// Identifiers and quoted strings of the graph's text form, shared by Expr and the graph printer and parser.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace modelctl::graph {

// A symbol's name as the text form writes it: bare if it is a plain identifier and not a keyword, quoted otherwise.
std::string expr_identifier(std::string_view name);

// `"…"` with \" \\ \n \t \xHH for what is not printable ASCII.
std::string quoted(std::string_view text);
// Reads the quoted text that starts at text[at] == '"' and moves `at` past it; nothing if it is malformed.
std::optional<std::string> read_quoted(std::string_view text, std::size_t& at);

}  // namespace modelctl::graph
