// A mixed-radix transform (Cooley and Tukey) for lengths of small prime factors; Bluestein's algorithm for the others.
#include "ops/reference/fourier.hpp"

#include <cmath>

namespace modelctl::ops {
namespace {

// A factor p costs p steps for each number; beyond this, three transforms of a length that suits cost less.
constexpr std::int64_t largest_factor = 64;

Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
Complex operator*(Complex a, Complex b) { return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }

Complex root(std::int64_t k, std::int64_t n, bool inverse) {
  double angle = (inverse ? 2 : -2) * 3.14159265358979323846 * static_cast<double>(k) / static_cast<double>(n);
  return {std::cos(angle), std::sin(angle)};
}

}  // namespace

// Bluestein's algorithm: with jk = (j^2 + k^2 - (k - j)^2) / 2 the transform becomes a convolution, which is computed
// by two transforms of any sufficient length: a power of 2.
struct Fourier::Chirp {
  Fourier forward, backward;
  std::vector<Complex> factors, filter, work;

  Chirp(std::int64_t length, std::int64_t padded, bool inverse)
      : forward(padded, false),
        backward(padded, true),
        factors(static_cast<std::size_t>(length)),
        filter(static_cast<std::size_t>(padded)),
        work(filter.size()) {
    for (std::int64_t k = 0; k < length; ++k) {
      Complex factor = root(k * k % (2 * length), 2 * length, inverse);
      factors[static_cast<std::size_t>(k)] = factor;
      factor.im = -factor.im;
      filter[static_cast<std::size_t>(k)] = factor;
      if (k > 0) filter[static_cast<std::size_t>(padded - k)] = factor;
    }
    forward.run(filter.data());
  }

  void run(Complex* data) {
    for (std::size_t k = 0; k < work.size(); ++k) work[k] = k < factors.size() ? data[k] * factors[k] : Complex{};
    forward.run(work.data());
    for (std::size_t k = 0; k < work.size(); ++k) work[k] = work[k] * filter[k];
    backward.run(work.data());
    double scale = 1 / static_cast<double>(work.size());
    for (std::size_t k = 0; k < factors.size(); ++k)
      data[k] = Complex{work[k].re * scale, work[k].im * scale} * factors[k];
  }
};

// Factors are divided out from the smallest; what remains is a product of primes above the largest factor.
Fourier::Fourier(std::int64_t length, bool inverse) : length_(length) {
  std::int64_t rest = length;
  for (std::int64_t factor = 2; factor <= largest_factor && rest > 1; ++factor) {
    for (; rest % factor == 0; rest /= factor) factors_.push_back(factor);
  }
  if (rest > 1) {
    std::int64_t padded = 1;
    while (padded < 2 * length - 1) padded *= 2;
    chirp_ = std::make_unique<Chirp>(length, padded, inverse);
    return;
  }
  for (std::int64_t k = 0; k < length; ++k) roots_.push_back(root(k, length, inverse));
  buffer_.resize(roots_.size());
  column_.resize(largest_factor);
}

Fourier::~Fourier() = default;

void Fourier::run(Complex* data) {
  if (chirp_ != nullptr) return chirp_->run(data);
  if (length_ < 2) return;
  buffer_.assign(data, data + length_);
  split(0, length_, 1, buffer_.data(), data);
}

// The transform of `length` numbers of `in`, `step` apart: that of each of its p interleaved parts, put together.
void Fourier::split(std::size_t factor, std::int64_t length, std::int64_t step, const Complex* in, Complex* out) {
  if (length == 1) {
    *out = *in;
    return;
  }
  const std::int64_t p = factors_[factor], part = length / p;
  for (std::int64_t r = 0; r < p; ++r) split(factor + 1, part, step * p, in + r * step, out + r * part);
  const Complex* roots = roots_.data();
  if (p == 2) {
    for (std::int64_t k = 0; k < part; ++k) {
      Complex even = out[k], odd = out[part + k] * roots[k * step];
      out[k] = even + odd;
      out[part + k] = even - odd;
    }
    return;
  }
  for (std::int64_t k = 0; k < part; ++k) {
    for (std::int64_t r = 0; r < p; ++r) column_[static_cast<std::size_t>(r)] = out[r * part + k] * roots[r * k * step];
    for (std::int64_t q = 0; q < p; ++q) {
      Complex sum;
      for (std::int64_t r = 0; r < p; ++r) {
        sum = sum + column_[static_cast<std::size_t>(r)] * roots[r * q % p * (length_ / p)];
      }
      out[q * part + k] = sum;
    }
  }
}

}  // namespace modelctl::ops
