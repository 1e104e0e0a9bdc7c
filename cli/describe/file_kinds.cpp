// Generates docs/reference/file-kinds.md from the table of file kinds. Only specific kinds have a row: of archives and
// documents the message says no more than what they are.
#include "cli/describe/reference.hpp"
#include "kinds/file_kind.hpp"

#include <fmt/core.h>

namespace modelctl::cli {

std::string file_kinds_markdown() {
  std::string text =
      "# Kinds of files\n\n"
      "A command that is given a file of another kind than it takes says what the file is, by its content and not by "
      "its\n"
      "name, and what to do. It reads the first and the last 64 KiB and the names in a ZIP archive or folder; it runs "
      "and\n"
      "unpacks nothing. `FILE` stands for the path in the message.\n\n"
      "| the file is | what to do |\n|---|---|\n";
  for (const kinds::FileKind* kind : kinds::known()) {
    if (!kind->general) text += fmt::format("| {} | {} |\n", kind->name, kinds::forward(*kind, "FILE"));
  }
  return text;
}

}  // namespace modelctl::cli
