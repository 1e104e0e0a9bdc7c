// The run halves of the operators, for whoever runs artifacts: it needs no other header of lib/ops. A program that
// names one of the smaller tables alone is linked without the operators whose files ask for a larger runner.
#pragma once

#include "runtime/operator.hpp"

namespace modelctl::ops {

runtime::OpRunTable run_table();          // all of them
runtime::OpRunTable regular_run_table();  // without those that need libraries of their own
runtime::OpRunTable small_run_table();    // and without the rare ones

}  // namespace modelctl::ops
