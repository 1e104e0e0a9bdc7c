// Names of a model, which may be any bytes, in the files that are made from them.
#pragma once

#include <string>
#include <string_view>

namespace modelctl::actions {

// A scalar of YAML that every reader takes for this text, in quotes if it must be.
std::string yaml_scalar(const std::string& text);
// Code in a cell of a table in Markdown.
std::string markdown_cell(std::string_view text);
// A name that package::check_name() accepts, from any text.
std::string package_name(std::string_view text);
// The text in one line of at most 300 bytes, cut between two characters; empty if it is not UTF-8.
std::string one_line(std::string_view text);

}  // namespace modelctl::actions
