// The complete pipeline of a hostile model, within small budgets: it may be refused anywhere, but must never crash,
// hang or exhaust memory.
#include "fuzz/pipeline.hpp"

#include <cstdint>
#include <cstdio>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelctl;
  auto done = fuzz::build_and_run(std::as_bytes(std::span(data, size)));
  bool fine = done || done.error().kind != Kind::bug;
  if (!fine) std::fprintf(stderr, "%s at %s\n", done.error().what.c_str(), done.error().where.c_str());
  MODELCTL_CHECK(fine, "a model is run or refused");
  return 0;
}
