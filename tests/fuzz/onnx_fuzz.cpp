// The ONNX reader, normalization included: what is read must verify, and what is refused must not be reported as a bug.
#include "base/check.hpp"
#include "onnx/model.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelctl;
  auto model = onnx::parse(std::as_bytes(std::span(data, size)), nullptr, "fuzz", "/nonexistent");
  Result<void> done = model ? onnx::normalize(*model) : Result<void>(model.error());
  MODELCTL_CHECK(done || done.error().kind != Kind::bug, "a model is read or refused");
  return 0;
}
