// The rows of the trial have different scales (2^-3 to 2^4), so that whatever is computed over all rows, such as the
// scale of a dynamic quantization, is not what one row alone would give; and their integers are those of the sample in
// another order.
#include "serve/models/batching.hpp"

#include "artifact/plan.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace modelctl::serve {
namespace {

bool begins_with(const std::vector<artifact::Port>& ports, std::string& symbol) {
  return std::all_of(ports.begin(), ports.end(), [&](const artifact::Port& port) {
    if (!is_plain(port.type) || bits(port.type) < 8 || port.any_rank() || port.dims.empty() || port.optional)
      return false;
    const artifact::PortDim& first = port.dims[0];
    if (first.size >= 0 || first.symbol.empty() || first.symbol == "?") return false;
    if (symbol.empty()) symbol = first.symbol;
    return symbol == first.symbol;
  });
}

// A generator that is the same everywhere (splitmix64), so that a trial has the same result at every start.
class Numbers {
 public:
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  double between_minus_one_and_one() { return static_cast<double>(next() >> 11) / (1ULL << 52) - 1; }

 private:
  std::uint64_t state_ = 1;
};

std::size_t row_bytes(const Tensor& tensor) {
  return tensor.dims()[0] == 0 ? 0 : tensor.bytes().size() / static_cast<std::size_t>(tensor.dims()[0]);
}

Tensor with_rows(const Tensor& like, std::int64_t rows) {
  Dims dims = like.dims();
  dims[0] = rows;
  return Tensor(like.type(), std::move(dims));
}

template <class T>
void fill_floats(MutableTensorView row, double scale, Numbers& numbers) {
  for (T& value : row.as<T>()) value = static_cast<T>(static_cast<float>(scale * numbers.between_minus_one_and_one()));
}

// Row `index` of the trial, as a tensor of one row.
Tensor trial_row(const Tensor& sample, std::int64_t index, Numbers& numbers) {
  Tensor row = with_rows(sample, 1);
  double scale = std::ldexp(1.0, static_cast<int>(index % 8) - 3);
  switch (row.type()) {
    case DType::f32: fill_floats<float>(row.mutable_view(), scale, numbers); break;
    case DType::f64: fill_floats<double>(row.mutable_view(), scale, numbers); break;
    default: {
      // The elements of a row of the sample, rotated by the row's index.
      std::size_t size = row_bytes(sample), width = static_cast<std::size_t>(bits(sample.type())) / 8;
      const std::byte* from = sample.bytes().data() + size * static_cast<std::size_t>(index % sample.dims()[0]);
      auto* to = static_cast<std::byte*>(row.mutable_view().data);
      std::size_t shift = size == 0 ? 0 : static_cast<std::size_t>(index) * width % size;
      std::memcpy(to, from + shift, size - shift);
      std::memcpy(to + size - shift, from, shift);
    }
  }
  return row;
}

// The result of a trial in which a run failed.
std::optional<bool> exact_unless(const Error& error) {
  return lost_process(error) ? std::nullopt : std::optional(false);
}

}  // namespace

bool has_batch_dimension(const runtime::Model& model) {
  const artifact::Plan& plan = model.plan();
  std::string symbol;
  bool data_dependent = std::any_of(plan.values.begin(), plan.values.end(),
                                    [](const artifact::PlanValue& value) { return value.data_dependent; });
  return begins_with(plan.signature.inputs, symbol) && begins_with(plan.signature.outputs, symbol) && !symbol.empty() &&
         !data_dependent && plan.bodies.empty();
}

std::optional<std::int64_t> rows_of(std::span<const Tensor> inputs) {
  std::optional<std::int64_t> rows;
  for (const Tensor& input : inputs) {
    if (input.dims().empty() || input.dims()[0] < 1 || (rows && *rows != input.dims()[0])) return std::nullopt;
    rows = input.dims()[0];
  }
  return rows;
}

bool same_row_shape(std::span<const Tensor> a, std::span<const Tensor> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Tensor& x, const Tensor& y) {
    return x.type() == y.type() && x.dims().size() == y.dims().size() &&
           std::equal(x.dims().begin() + 1, x.dims().end(), y.dims().begin() + 1);
  });
}

bool is_batch_size(std::int64_t rows, std::int64_t most) {
  return rows > 1 && rows <= most && (rows == most || (rows & (rows - 1)) == 0);
}

Inputs stack(std::span<const Inputs* const> requests) {
  Inputs stacked;
  for (std::size_t i = 0; i < requests[0]->size(); ++i) {
    std::int64_t rows = 0;
    for (const Inputs* inputs : requests) rows += (*inputs)[i].dims()[0];
    Tensor tensor = with_rows((*requests[0])[i], rows);
    auto* to = static_cast<std::byte*>(tensor.mutable_view().data);
    for (const Inputs* inputs : requests) {
      ByteSpan bytes = (*inputs)[i].bytes();
      std::copy(bytes.begin(), bytes.end(), to);
      to += bytes.size();
    }
    stacked.push_back(std::move(tensor));
  }
  return stacked;
}

std::optional<std::vector<Tensor>> slice_rows(const std::vector<Tensor>& outputs, std::int64_t first, std::int64_t rows,
                                              std::int64_t total) {
  std::vector<Tensor> slices;
  for (const Tensor& output : outputs) {
    if (output.dims().empty() || output.dims()[0] != total) return std::nullopt;
    Dims dims = output.dims();
    dims[0] = rows;
    const std::byte* data = output.bytes().data() + row_bytes(output) * static_cast<std::size_t>(first);
    slices.emplace_back(output.type(), std::move(dims), output.owner(), data);
  }
  return slices;
}

std::optional<bool> batches_exactly(LoadedModel& model, std::span<const Tensor> sample, std::int64_t rows) {
  Numbers numbers;
  std::vector<Inputs> singles(static_cast<std::size_t>(rows));
  std::vector<const Inputs*> all;
  for (std::int64_t row = 0; row < rows; ++row) {
    Inputs& inputs = singles[static_cast<std::size_t>(row)];
    for (const Tensor& input : sample) inputs.push_back(trial_row(input, row, numbers));
    all.push_back(&inputs);
  }
  auto together = model.predict(stack(all));
  if (!together) return exact_unless(together.error());
  for (std::int64_t row = 0; row < rows; ++row) {
    auto alone = model.predict(singles[static_cast<std::size_t>(row)]);
    if (!alone) return exact_unless(alone.error());
    auto slice = slice_rows(*together, row, 1, rows);
    if (!slice || !std::equal(alone->begin(), alone->end(), slice->begin(), slice->end(), same)) return false;
  }
  return true;
}

}  // namespace modelctl::serve
