// The discrete Fourier transform of complex numbers, of any length in n log n steps. Part of run halves.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace modelctl::ops {

struct Complex {
  double re = 0, im = 0;
};

// The transform of one length, whose factors and roots of unity are computed once.
class Fourier {
 public:
  Fourier(std::int64_t length, bool inverse);  // the inverse is not divided by the length
  ~Fourier();
  // In place; not from several threads at once.
  void run(Complex* data);

 private:
  struct Chirp;
  void split(std::size_t factor, std::int64_t length, std::int64_t step, const Complex* in, Complex* out);
  std::int64_t length_;
  std::vector<std::int64_t> factors_;
  std::vector<Complex> roots_, buffer_, column_;
  std::unique_ptr<Chirp> chirp_;  // if the length has a large prime factor
};

}  // namespace modelctl::ops
