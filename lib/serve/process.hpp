// What the process itself uses, under the names that Prometheus' client libraries gave these metrics.
#pragma once

#include "serve/metrics.hpp"

namespace modelctl::serve {

// Measures now. What the system does not report is left out.
void measure_process(Metrics& metrics);

}  // namespace modelctl::serve
