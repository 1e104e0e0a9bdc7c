// A tensor of rows shares the memory of the one that was read.
#include "tensor/rows.hpp"

namespace modelctl::formats {

Tensor as_rows(Tensor tensor, const Expected& input) {
  if (!input.dims || is_collection(tensor.type()) || tensor.dims().empty()) return tensor;
  if (tensor.dims().size() >= input.dims->size()) return tensor;
  Dims dims = tensor.dims();
  dims.insert(dims.begin() + 1, input.dims->size() - dims.size(), 1);
  return tensor.reshaped(std::move(dims));
}

}  // namespace modelctl::formats
