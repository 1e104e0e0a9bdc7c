// The run halves of the operators, for whoever runs artifacts: it needs no other header of lib/ops. A program that names
// one of the smaller tables alone is linked without the operators that ops/left_out.txt takes out of it.
#pragma once

#include "runtime/operator.hpp"

namespace modelctl::ops {

runtime::OpRunTable run_table();          // all of them
runtime::OpRunTable small_run_table();    // of the small runner
runtime::OpRunTable library_run_table();  // of the shared library

}  // namespace modelctl::ops
