// Reference pages that are printed from the tables of the program.
#pragma once

#include <string>

namespace modelctl::cli {

std::string exit_codes_markdown();  // from base/kind.def
std::string operators_markdown();   // from the table of operators

}  // namespace modelctl::cli
