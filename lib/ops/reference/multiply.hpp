// Matrix multiplication as MatMul and Gemm share it. Floats are summed in f64, integers in their own type, which wraps.
#pragma once

#include "ops/reference/run.hpp"

namespace modelctl::ops {

using MatrixTypes = TypeList<float, double, Half, BFloat16, std::int32_t, std::int64_t, std::uint32_t, std::uint64_t>;

template <class T>
using dot_t = std::conditional_t<std::is_integral_v<compute_t<T>>, compute_t<T>, double>;

// The sizes of numpy's matmul, checked: a vector on the left is a row, one on the right a column.
struct MatMulSizes {
  std::int64_t m, k, n;
  DimsView a_batch, b_batch;  // what stands before the matrices
  Dims batch, dims;           // of the output, without and with the matrix
};
Result<MatMulSizes> matmul_sizes(DimsView a, DimsView b);

// A matrix in memory: element (i, j) is data[i * row + j * column].
template <class T>
struct Matrix {
  const T* data;
  std::int64_t row, column;
  dot_t<T> at(std::int64_t i, std::int64_t j) const {
    return static_cast<dot_t<T>>(static_cast<compute_t<T>>(data[i * row + j * column]));
  }
};

// Calls store(i, j, sum) for each element of the m x n product; k is what is summed over. Ends early if the
// call is interrupted.
template <class T, class Store>
void multiply(const Call& call, const Matrix<T>& a, const Matrix<T>& b, std::int64_t m, std::int64_t k, std::int64_t n,
              Store&& store) {
  std::vector<dot_t<T>> sums(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < m; ++i) {
    std::fill(sums.begin(), sums.end(), dot_t<T>{0});
    for (std::int64_t p = 0; p < k; ++p) {
      if (p % 64 == 0 && call.interrupted()) return;
      dot_t<T> left = a.at(i, p);
      for (std::int64_t j = 0; j < n; ++j) {
        auto& sum = sums[static_cast<std::size_t>(j)];
        sum = wrap_add(sum, wrap_multiply(left, b.at(p, j)));
      }
    }
    for (std::int64_t j = 0; j < n; ++j) store(i, j, sums[static_cast<std::size_t>(j)]);
  }
}

}  // namespace modelctl::ops
