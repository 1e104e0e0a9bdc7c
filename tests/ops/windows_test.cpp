// Windows that do not fit their input are refused, by kernels and by reference implementations.
#include "sessions.hpp"

namespace modelctl::test {
namespace {

TEST_CASE("a convolution whose window is larger than the run's image is refused at every level") {
  const std::string text = R"(graph "g" {
  input x: f32[1,1,n]
  const w: f32[1,1,3] = [1.0, 1.0, 1.0]
  y = Conv(x, w)
  output y
})";
  for (int level : {0, 1, 2}) {
    INFO("level " << level);
    runtime::Session session(model_of(text, level), alone);
    auto fits = run(session, {Tensor::of<float>(DType::f32, {1, 1, 3}, {1, 2, 3})});
    REQUIRE(fits.has_value());
    CHECK(fits->front().as<float>()[0] == 6);
    auto outputs = run(session, {Tensor::of<float>(DType::f32, {1, 1, 2}, {1, 2})});
    REQUIRE_FALSE(outputs.has_value());
    std::string what = message_of(outputs.error());
    CHECK_MESSAGE(what.find("a window of 3 does not fit 2, the padded size of axis 2") != std::string::npos, what);
  }
}

}  // namespace
}  // namespace modelctl::test
