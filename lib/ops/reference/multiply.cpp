// The rules of numpy's matmul: the last two axes are matrices, those before broadcast, and a vector counts as one row
// or column that the output does not have.
#include "ops/reference/multiply.hpp"

#include "ops/reference/broadcast.hpp"

namespace modelctl::ops {

// The product is of m x k by k x n; batch axes broadcast.
Result<MatMulSizes> matmul_sizes(DimsView a, DimsView b) {
  if (a.empty() || b.empty()) return refuse("a number is not a matrix");
  MatMulSizes sizes{};
  sizes.m = a.size() > 1 ? a[a.size() - 2] : 1;
  sizes.k = a.back();
  sizes.n = b.size() > 1 ? b.back() : 1;
  const std::int64_t rows = b.size() > 1 ? b[b.size() - 2] : b[0];
  if (rows != sizes.k) {
    return refuse("a row of " + std::to_string(sizes.k) + " does not fit a column of " + std::to_string(rows));
  }
  sizes.a_batch = a.first(a.size() - std::min<std::size_t>(2, a.size()));
  sizes.b_batch = b.first(b.size() - std::min<std::size_t>(2, b.size()));
  sizes.batch = TRY(broadcast_dims(sizes.a_batch, sizes.b_batch));
  sizes.dims = sizes.batch;
  if (a.size() > 1) sizes.dims.push_back(sizes.m);
  if (b.size() > 1) sizes.dims.push_back(sizes.n);
  return sizes;
}

}  // namespace modelctl::ops
