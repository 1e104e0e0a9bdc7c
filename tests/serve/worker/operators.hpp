// Operators of the tests' own, for a model that misbehaves in its worker process: y = 2 * x, unless x begins with a
// number that asks for something else.
#pragma once

#include "runtime/operator.hpp"

namespace modelctl::test {

enum Misbehavior : int {
  crash = -10,
  hang = -11,
  open_socket = -12,
  open_file = -13,
  end_process = -14,
  take_memory = -15
};

Result<void> misbehave(const runtime::Call& call, runtime::Outputs& outputs);

inline constexpr runtime::OpRun misbehave_row{"test", "Misbehave", misbehave};
inline constexpr const runtime::OpRun* worker_rows[] = {&misbehave_row};

}  // namespace modelctl::test
