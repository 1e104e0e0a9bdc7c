// Broadcasting aligns the last axes: a tensor of lower rank has axes of size 1 in front. A stretched axis has stride 0,
// so that one loop over the output serves every pattern.
#include "ops/reference/broadcast.hpp"

namespace modelctl::ops {

Result<Dims> broadcast_dims(DimsView a, DimsView b) {
  if (a.size() < b.size()) return broadcast_dims(b, a);
  Dims dims(a.begin(), a.end());
  std::size_t skip = a.size() - b.size();
  for (std::size_t axis = 0; axis < b.size(); ++axis) {
    std::int64_t& dim = dims[skip + axis];
    if (dim == b[axis] || b[axis] == 1) continue;
    if (dim != 1) {
      return refuse("sizes " + std::to_string(dim) + " and " + std::to_string(b[axis]) + " do not broadcast");
    }
    dim = b[axis];
  }
  return dims;
}

Result<Dims> broadcast_dims(std::span<const TensorView> views) {
  Dims dims;
  for (const TensorView& view : views) {
    if (view.present()) dims = TRY(broadcast_dims(dims, view.dims));
  }
  return dims;
}

Dims broadcast_strides(DimsView in, DimsView out) {
  Dims own = strides_of(in);
  Dims strides(out.size(), 0);
  std::size_t skip = out.size() - in.size();
  for (std::size_t axis = 0; axis < in.size(); ++axis) {
    if (in[axis] != 1) strides[skip + axis] = own[axis];
  }
  return strides;
}

}  // namespace modelctl::ops
