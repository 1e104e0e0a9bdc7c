// Reference pages that are generated from tables in the program. A test compares them with docs/reference.
#pragma once

#include <string>

namespace modelctl::cli {

std::string exit_codes_markdown();      // from base/kind.def
std::string serve_settings_markdown();  // from serve/settings.def
std::string serve_settings_schema();    // the same for editors of modelctl.yaml
std::string processing_markdown();      // from the kinds of processing
std::string processing_schema();
std::string operators_markdown();   // from the table of operators
std::string file_kinds_markdown();  // from the table of file kinds

}  // namespace modelctl::cli
