// Crop: images without their borders, or a part of a given size, which ONNX 1.0 to 1.4 called experimental. It refuses
// an image that is smaller than what is cut, as ONNX Runtime does, whereas the ranges of Slice would clamp.
//
// Smallest runner: regular, since images are cropped before they reach most models.
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

using graph::Expr;

// Along an axis: how many elements are left out before, and either how many follow or how many are left out after.
struct Part {
  std::int64_t before = 0, after = 0;
  std::optional<std::int64_t> size;
};

// Of height and width; nullopt if the attributes make no sense. Without a border, `scale` begins at the left top
// corner.
std::optional<std::array<Part, 2>> parts_of(const Attributes& attributes) {
  Dims border = attributes.integers("border");
  const auto& scale = attributes.integers("scale");
  if (!attributes.has("border") && attributes.has("scale")) border = {0, 0, 0, 0};
  if (border.size() != 4 || (attributes.has("scale") && scale.size() != 2)) return std::nullopt;
  constexpr std::int64_t most = std::int64_t{1} << 31;
  for (const Dims& sizes : {border, scale}) {
    for (std::int64_t size : sizes) {
      if (size < 0 || size > most) return std::nullopt;
    }
  }
  std::array<Part, 2> parts{Part{border[1], border[3], {}}, Part{border[0], border[2], {}}};
  if (!scale.empty()) {
    for (std::size_t axis : {0u, 1u}) parts[axis] = {parts[axis].before, 0, scale[axis]};
  }
  return parts;
}

constexpr char bad_attributes[] = "border must be 4 sizes, and scale, if it is there, 2";

// The size that is left of an axis; negative if the image is too small.
std::int64_t left_of(const Part& part, std::int64_t size) {
  std::int64_t left = size - part.before - part.after;
  return part.size ? (*part.size <= left ? *part.size : -1) : left;
}

Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 4, 4));
  auto parts = parts_of(call.attributes());
  if (!parts) return call.bad(bad_attributes);
  const graph::Shape* x = call.shape(0);
  if (x == nullptr) {
    call.set_output(0, call.element(0), std::nullopt);
    return {};
  }
  graph::Shape shape = *x;
  for (std::size_t axis : {0u, 1u}) {
    const Part& part = (*parts)[axis];
    Expr& size = shape[2 + axis];
    if (size.constant() && left_of(part, *size.constant()) < 0) {
      return call.bad("its images are smaller than what is cut from them");
    }
    size = part.size ? Expr(*part.size) : max(size - Expr(part.before + part.after), Expr(0));
  }
  call.set_output(0, call.element(0), std::move(shape));
  return {};
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  auto parts = parts_of(call.attributes);
  if (!parts) return refuse(bad_attributes);
  if (!x.present() || x.rank() != 4) return refuse("the input must have rank 4");
  Dims dims(x.dims.begin(), x.dims.end());
  for (std::size_t axis : {0u, 1u}) {
    dims[2 + axis] = left_of((*parts)[axis], x.dim(2 + axis));
    if (dims[2 + axis] < 0) return refuse("the images are smaller than what is cut from them");
  }
  MutableTensorView y = TRY(outputs.allocate(0, x.type, dims));
  if (y.elements() == 0) return {};
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    const T* in = x.as<T>().data();
    T* out = y.as<T>().data();
    for (std::int64_t image = 0; image < dims[0] * dims[1]; ++image) {
      for (std::int64_t row = 0; row < dims[2]; ++row, out += dims[3]) {
        std::int64_t at = (image * x.dim(2) + (*parts)[0].before + row) * x.dim(3) + (*parts)[1].before;
        std::copy_n(in + at, dims[3], out);
      }
    }
    return {};
  });
}

constexpr AttributeDef attributes[] = {
    {"border", AttributeType::integers, "left, top, right and bottom; none if absent, where there is a scale"},
    {"scale", AttributeType::integers, "height and width of what is kept, behind the left and top border"}};

constexpr OpDef defs[] = {
    {
        .name = "Crop",
        .since = 1,
        .summary = "Images without their borders, or a part of them; experimental in ONNX 1.0 to 1.4.",
        .inputs = "input",
        .outputs = "output",
        .types = float_types,
        .attributes = attributes,
        .infer = infer,
        .short_floats = ShortFloats::follow,
        .examples =
            [] {
              return Examples{{"a border on three sides",
                               {f32({1, 1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})},
                               {{"border", Ints{1, 0, 1, 1}}},
                               {f32({1, 1, 1, 2}, {2, 3})},
                               0},
                              {"a part of one row and two columns",
                               {f32({1, 1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8})},
                               {{"border", Ints{1, 1, 9, 9}}, {"scale", Ints{1, 2}}},
                               {f32({1, 1, 1, 2}, {6, 7})},
                               0},
                              {"from the corner",
                               {f32({1, 2, 2, 1}, {1, 2, 3, 4})},
                               {{"scale", Ints{1, 1}}},
                               {f32({1, 2, 1, 1}, {1, 3})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "Crop", evaluate}};

}  // namespace

std::span<const OpDef> crop_ops() { return defs; }
std::span<const OpRun> crop_runs() { return runs; }

}  // namespace modelctl::ops
