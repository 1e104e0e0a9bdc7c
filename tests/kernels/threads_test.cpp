// Results are bitwise equal at any number of threads, for every kernel that divides its work.
#include "kernels/conv.hpp"
#include "kernels/gemm.hpp"
#include "run_kernel.hpp"
#include "runtime/thread_pool.hpp"

using namespace modelctl;
using namespace modelctl::test;

namespace {

void check_same_at_any_thread_count(const KernelRun& run) {
  CAPTURE(run.name);
  for (kernels::Cpu cpu : cpus()) {
    CAPTURE(name(cpu.isa));
    const Tensor alone = run.run_alone(cpu);
    for (int threads : {2, 3, 8}) {
      runtime::ThreadPool pool(threads);
      for (int repeat = 0; repeat < 3; ++repeat) CHECK(same((*run.run(cpu, pool))[0], alone));
    }
  }
}

}  // namespace

TEST_CASE("results are bitwise equal at any thread count") {
  check_same_at_any_thread_count(
      {"gemm_f32",
       {{"activation", std::string("gelu")}},
       {random({150, 200}, 1), kernels::pack_gemm_weights(random({200, 500}, 2).view(), false)},
       {{150, 500}}});
  check_same_at_any_thread_count(
      {"gemm_f32",
       {},
       {random({1, 700}, 1), kernels::pack_gemm_weights(random({700, 900}, 2).view(), false)},
       {{1, 900}}});
  check_same_at_any_thread_count({"matmul_f32", {}, {random({6, 50, 40}, 1), random({6, 40, 70}, 2)}, {{6, 50, 70}}});
  for (std::int64_t channels : {3, 40}) {
    check_same_at_any_thread_count(
        {"conv_nhwc_f32",
         {{"kernel_shape", std::vector<std::int64_t>{3, 3}}, {"pads", std::vector<std::int64_t>{1, 1, 1, 1}}},
         {random({2, 40, 40, channels}, 1), kernels::pack_conv_weights(random({50, channels, 3, 3}, 2).view(), 1)},
         {{2, 40, 40, 50}}});
  }
}
