// What this CPU supports: detected once by whoever loads a model, and passed down. Tests pass less, to run each path.
#pragma once

#include <string>

namespace modelctl::kernels {

// In order of preference: a kernel takes the last one that the CPU has and that it has code for. `portable` is plain
// C++ that every 64-bit CPU runs.
enum class Isa { portable, avx2, avx512 };

struct Cpu {
  Isa isa = Isa::portable;
  bool vnni = false;  // avx512, with dot products of bytes as well

  // avx2 means AVX2, FMA and F16C; avx512 means F, BW, DQ and VL as well. The operating system's support is checked
  // too.
  static Cpu detect();
};

std::string name(Isa isa);

}  // namespace modelctl::kernels
