// Detects what this CPU and operating system support. A CPU may have AVX while the system does not save its registers,
// which the compiler's builtins check as well.
#include "kernels/isa/cpu.hpp"

#include "kernels/isa/simd.hpp"

namespace modelctl::kernels {

Cpu Cpu::detect() {
#if defined(__x86_64__)
  // The compiler's run-time library asks CPUID, and XGETBV whether the system saves the registers.
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    return {Isa::avx512, __builtin_cpu_supports("avx512vnni") != 0};
  }
  if (avx2) return {Isa::avx2};
#endif
  return {Isa::portable};
}

std::string name(Isa isa) {
  switch (isa) {
    case Isa::portable: return "portable";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
  }
  return "unknown";
}

const Simd& simd(Isa isa) {
  switch (isa) {
    case Isa::portable: break;
    case Isa::avx2: return simd_avx2();
    case Isa::avx512: return simd_avx512();
  }
  return simd_portable();
}

}  // namespace modelctl::kernels
