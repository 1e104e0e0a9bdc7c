// A row is a view into the tensor; nothing is copied.
#include "serve/formats/json_outputs.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::serve {
namespace {

// The part of a tensor at an index of its first dimension.
TensorView row_of(const TensorView& tensor, std::int64_t index) {
  DimsView dims = tensor.dims.subspan(1);
  std::int64_t elements = index * element_count(dims).value_or(0);
  std::int64_t size = tensor.type == DType::string ? sizeof(std::string) : bits(tensor.type) / 8;
  return {tensor.type, dims, static_cast<const std::byte*>(tensor.data) + elements * size};
}

void write(JsonWriter& out, const artifact::Port& port, const TensorView& tensor) {
  out.base64(holds_bytes(port.name)).nested(tensor);
}

}  // namespace

bool holds_bytes(std::string_view output) { return output.ends_with("_bytes"); }

void write_columns(JsonWriter& out, const LoadedModel& model, std::span<const Tensor> outputs) {
  const auto& ports = model.signature().outputs;
  if (outputs.size() == 1) return write(out, ports[0], outputs[0].view());
  out.raw("{");
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    out.raw(i == 0 ? "" : ",").string(ports[i].name).raw(":");
    write(out, ports[i], outputs[i].view());
  }
  out.raw("}");
}

Result<void> write_rows(JsonWriter& out, const LoadedModel& model, std::span<const Tensor> outputs) {
  const auto& ports = model.signature().outputs;
  if (outputs.size() == 1) {
    write(out, ports[0], outputs[0].view());
    return {};
  }
  std::int64_t rows = outputs.empty() || outputs[0].dims().empty() ? -1 : outputs[0].dims()[0];
  bool same = std::all_of(outputs.begin(), outputs.end(), [&](const Tensor& output) {
    return !output.dims().empty() && output.dims()[0] == rows &&
           (output.type() == DType::string || bits(output.type()) >= 8);
  });
  if (!same) {
    return Error(Kind::bad_input, "no-rows", "the outputs are not rows of one batch")
        .because("send the inputs as columns, whose response has each output whole");
  }
  out.raw("[");
  for (std::int64_t row = 0; row < rows && !out.full(); ++row) {
    out.raw(row == 0 ? "{" : ",{");
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      out.raw(i == 0 ? "" : ",").string(ports[i].name).raw(":");
      write(out, ports[i], row_of(outputs[i].view(), row));
    }
    out.raw("}");
  }
  out.raw("]");
  return {};
}

}  // namespace modelctl::serve
