// The documents that also have a man page: those in docs whose first line names one,
//     <!-- man page modelctl.yaml(5): the settings of a project -->
// Help refers to such pages and to no other document, because they are installed with the program.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace modelctl::cli {

struct Manual {
  std::string_view file;      // "modelctl-yaml.md"
  std::string_view name;      // "modelctl.yaml"
  char section;               // '5' for files, '7' for what several commands have in common
  std::string_view summary;   // "the settings of a project"
  std::string_view markdown;  // the document
};

const std::vector<Manual>& manuals();

// The page of a document; null if it has none.
const Manual* manual_of(std::string_view file);

std::string as_man(const Manual& manual);  // troff with the man macros

}  // namespace modelctl::cli
