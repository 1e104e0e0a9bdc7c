// The fast Fourier transform against the direct sum, for lengths with all kinds of factors.
#include "ops/reference/fourier.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace modelctl::ops;

namespace {

std::vector<Complex> signal(std::int64_t length) {
  std::vector<Complex> all;
  for (std::int64_t i = 0; i < length; ++i) {
    all.push_back({std::sin(1.0 + static_cast<double>(i * i % 101)), std::cos(3.0 * static_cast<double>(i))});
  }
  return all;
}

}  // namespace

TEST_CASE("the transform is the plain sum, whatever the length's factors") {
  for (std::int64_t length : {1, 2, 3, 4, 5, 6, 8, 12, 15, 16, 49, 61, 64, 67, 97, 100, 127, 134, 200, 257, 400, 512}) {
    CAPTURE(length);
    std::vector<Complex> x = signal(length), y = x;
    Fourier(length, false).run(y.data());
    double error = 0;
    for (std::int64_t k = 0; k < length; ++k) {
      Complex sum;
      for (std::int64_t i = 0; i < length; ++i) {
        double angle = -2 * 3.14159265358979323846 * static_cast<double>(i * k % length) / static_cast<double>(length);
        const Complex& v = x[static_cast<std::size_t>(i)];
        sum.re += v.re * std::cos(angle) - v.im * std::sin(angle);
        sum.im += v.re * std::sin(angle) + v.im * std::cos(angle);
      }
      const Complex& got = y[static_cast<std::size_t>(k)];
      error = std::max({error, std::fabs(got.re - sum.re), std::fabs(got.im - sum.im)});
    }
    CHECK(error < 1e-10);
  }
}

TEST_CASE("the inverse undoes the transform, up to the length") {
  for (std::int64_t length : {1, 7, 30, 67, 1024, 1031}) {
    CAPTURE(length);
    std::vector<Complex> x = signal(length), y = x;
    Fourier(length, false).run(y.data());
    Fourier(length, true).run(y.data());
    double error = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      error = std::max(error, std::fabs(y[i].re / static_cast<double>(length) - x[i].re));
    }
    CHECK(error < 1e-12);
  }
}
