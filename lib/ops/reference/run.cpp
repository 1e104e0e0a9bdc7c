// Everything here is called with operands that a model's file decides: it checks before it computes.
#include "ops/reference/run.hpp"

namespace modelctl::ops {

Error refuse(std::string what) { return Error(Kind::bad_input, "bad-operand", std::move(what)); }

Error refuse_type(DType type) {
  return Error(Kind::unsupported, "unsupported-type", "does not take elements of type " + std::string(name(type)));
}

std::size_t choice_of(const Attributes& attributes, std::string_view name, std::string_view texts) {
  const std::string_view text = attributes.text(name);
  for (std::size_t place = 0;; ++place) {
    const std::size_t end = texts.find(' ');
    if (texts.substr(0, end) == text) return place;
    if (end == texts.npos) return 0;
    texts.remove_prefix(end + 1);
  }
}

Result<Dims> integers(const TensorView& view, std::string_view what) {
  if (view.rank() > 1) return refuse(std::string(what) + " must have rank 1, not " + std::to_string(view.rank()));
  if (view.type == DType::i64) return Dims(view.as<std::int64_t>().begin(), view.as<std::int64_t>().end());
  if (view.type == DType::i32) return Dims(view.as<std::int32_t>().begin(), view.as<std::int32_t>().end());
  return refuse(std::string(what) + " must be i64 or i32, not " + std::string(name(view.type)));
}

Result<std::int64_t> one_integer(const TensorView& view, std::string_view what) {
  Dims all = TRY(integers(view, what));
  if (all.size() != 1) return refuse(std::string(what) + " must have one element, not " + std::to_string(all.size()));
  return all[0];
}

Result<double> one_number(const TensorView& view, std::string_view what) {
  if (!view.present() || view.elements() != 1) return refuse(std::string(what) + " must have one element");
  double value = 0;
  TRY(for_type<NumbersAndBool>(view.type, [&]<class T>() -> Result<void> {
    value = static_cast<double>(static_cast<compute_t<T>>(view.as<T>()[0]));
    return {};
  }));
  return value;
}

Result<std::size_t> axis_index(std::int64_t axis, std::size_t rank) {
  auto size = static_cast<std::int64_t>(rank);
  if (axis < -size || axis >= size) {
    return refuse("axis " + std::to_string(axis) + " is outside a tensor of rank " + std::to_string(rank));
  }
  return static_cast<std::size_t>(axis < 0 ? axis + size : axis);
}

Result<std::vector<std::size_t>> axis_indices(std::span<const std::int64_t> axes, std::size_t rank) {
  std::vector<std::size_t> all;
  for (std::int64_t axis : axes) {
    std::size_t index = TRY(axis_index(axis, rank));
    if (std::find(all.begin(), all.end(), index) != all.end()) {
      return refuse("axis " + std::to_string(axis) + " is named twice");
    }
    all.push_back(index);
  }
  return all;
}

std::int64_t product(DimsView dims) {
  std::int64_t count = 1;
  for (std::int64_t dim : dims) count *= dim;
  return count;
}

Dims strides_of(DimsView dims) {
  Dims strides(dims.size(), 1);
  for (std::size_t axis = dims.size(); axis-- > 1;) strides[axis - 1] = strides[axis] * dims[axis];
  return strides;
}

Result<std::int64_t> checked_add(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (__builtin_add_overflow(a, b, &sum)) return refuse("a size is beyond 2^63");
  return sum;
}

Result<std::int64_t> checked_multiply(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return refuse("a size is beyond 2^63");
  return product;
}

Result<void> output_copy(const Call& call, Outputs& outputs, DimsView dims) {
  const TensorView& x = call.input(0);
  if (!x.present()) return refuse("the first input is absent");
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  copy_elements(x, y);
  return {};
}

Result<void> same_type(const TensorView& a, const TensorView& b) {
  if (a.type == b.type) return {};
  return refuse("the inputs are of different types: " + std::string(name(a.type)) + " and " +
                std::string(name(b.type)));
}

Result<void> need_rank(const TensorView& view, std::size_t least, std::string_view what) {
  if (!view.present()) return refuse("input " + std::string(what) + " is absent");
  if (view.rank() >= least) return {};
  return refuse("input " + std::string(what) + " must have rank " + std::to_string(least) + " or more, not " +
                std::to_string(view.rank()));
}

Result<Dims> indices(const TensorView& view, std::int64_t size) {
  Dims all;
  TRY(for_type<IndexTypes>(view.type, [&]<class T>() -> Result<void> {
    all.reserve(static_cast<std::size_t>(view.elements()));
    for (T raw : view.as<T>()) {
      std::int64_t index = raw;
      if (index < -size || index >= size) {
        return refuse("index " + std::to_string(index) + " is outside an axis of size " + std::to_string(size));
      }
      all.push_back(index < 0 ? index + size : index);
    }
    return {};
  }));
  return all;
}

}  // namespace modelctl::ops
