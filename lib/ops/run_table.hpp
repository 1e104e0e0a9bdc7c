// The run halves of all operators, for whoever runs artifacts: it needs no other header of lib/ops.
#pragma once

#include "runtime/operator.hpp"

namespace modelctl::ops {

runtime::OpRunTable run_table();

}  // namespace modelctl::ops
