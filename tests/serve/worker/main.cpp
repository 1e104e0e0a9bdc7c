// The worker program of the tests: as `modelctl __worker`, with the tests' operators.
#include "serve/isolation/worker.hpp"

#include "serve/worker/operators.hpp"

int main() { return modelctl::serve::run_worker(modelctl::test::worker_rows); }
