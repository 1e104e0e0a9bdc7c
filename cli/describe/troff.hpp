// Markdown as troff with the man macros (man(7), man-pages(7)): the subset that the pages of commands and the documents
// with a man page use, which is headings, paragraphs, lists, tables, indented blocks, `code` and links.
#pragma once

#include <string>
#include <string_view>

namespace modelctl::cli {

// Text that troff prints as it is: a dot or quote at the start of a line would be a request, and a plain '-' a hyphen,
// which cannot be pasted into a shell.
std::string troff_text(std::string_view text);

// A document without its title. A link to a document that has a man page is followed by the page's name.
std::string troff_of(std::string_view markdown);

}  // namespace modelctl::cli
