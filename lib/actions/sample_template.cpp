// Texts and maps go to .json, which can be edited by hand; everything else goes to .npy.
#include "actions/sample_template.hpp"

#include "package/manifest.hpp"
#include "tensor/collection.hpp"
#include "tensor/formats.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>

namespace modelctl::actions {
namespace {

// A placeholder for anything larger would only fill the disk.
constexpr std::uint64_t most_bytes = 256 << 20;

Tensor placeholder(DType type, const Dims& dims) {
  Tensor tensor(type, dims);
  if (type == DType::string) std::ranges::fill(tensor.mutable_view().as<std::string>(), "text");
  return tensor;
}

template <class T>
void fill_with_ones(Tensor& tensor) {
  std::ranges::fill(tensor.mutable_view().as<T>(), T{1});
}

void attend_to_all(Tensor& mask) {
  switch (mask.type()) {
    case DType::i64: return fill_with_ones<std::int64_t>(mask);
    case DType::i32: return fill_with_ones<std::int32_t>(mask);
    case DType::f32: return fill_with_ones<float>(mask);
    case DType::boolean:
    case DType::u8: return fill_with_ones<std::uint8_t>(mask);
    default: return;  // exporters write none of the other types
  }
}

// The open sizes at the end of a shape. The first dimension is not one of them: it is the number of samples.
std::set<std::string> lengths(const artifact::Signature& signature) {
  std::set<std::string> symbols;
  for (const artifact::Port& port : signature.inputs) {
    for (std::size_t axis = port.dims.size(); axis-- > 1 && port.dims[axis].size < 0;)
      symbols.insert(port.dims[axis].symbol);
  }
  return symbols;
}

// Nothing if no file can hold a value for the input.
std::optional<Tensor> value_of(const artifact::Port& port,
                               const std::function<std::int64_t(const std::string&)>& size) {
  if (port.type == DType::map && port.inside.size() == 2)
    return tensor_of(Map{placeholder(port.inside[0].type, {1}), placeholder(port.inside[1].type, {1})});
  if (is_collection(port.type)) return std::nullopt;
  Dims dims;
  for (const artifact::PortDim& dim : port.dims) dims.push_back(dim.size < 0 ? size(dim.symbol) : dim.size);
  auto bytes = byte_size(port.type, dims);
  if (!bytes || *bytes > most_bytes) return std::nullopt;
  Tensor tensor = placeholder(port.type, dims);
  if (port.name.find("mask") != std::string::npos) attend_to_all(tensor);
  return tensor;
}

// The input's name as a file name that every system and every package accepts, and no other file has.
std::string file_name(std::string_view input, std::string_view extension, std::set<std::string>& taken) {
  std::string stem;
  for (char c : input.substr(0, 100)) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    stem += plain ? c : '_';
  }
  std::size_t first = stem.find_first_not_of("._"), last = stem.find_last_not_of("._");
  stem = first == std::string::npos ? "input" : stem.substr(first, last - first + 1);
  std::string name = fmt::format("samples/{}{}", stem, extension);
  // Some names are those of devices on Windows.
  if (!package::check_path(name)) name = fmt::format("samples/{}{}", stem = "input-" + stem, extension);
  for (int number = 2; !taken.insert(name).second; ++number) {
    name = fmt::format("samples/{}-{}{}", stem, number, extension);
  }
  return name;
}

}  // namespace

SampleTemplate sample_template(const artifact::Signature& signature, std::int64_t length) {
  SampleTemplate sample;
  std::set<std::string> taken;
  auto size = [length, open = lengths(signature)](const std::string& symbol) -> std::int64_t {
    return open.contains(symbol) ? length : 1;
  };
  for (const artifact::Port& port : signature.inputs) {
    if (port.optional) continue;
    auto value = value_of(port, size);
    if (!value) {
      sample.without.push_back(port.name);
      continue;
    }
    std::string_view extension = port.type == DType::string || port.type == DType::map ? ".json" : ".npy";
    sample.files.push_back({port.name, file_name(port.name, extension, taken), std::move(*value)});
  }
  return sample;
}

Result<std::string> encoded(const SampleFile& file) {
  const formats::Format* format = TRY(formats::format_of(file.path));
  formats::NamedTensor named{file.input, file.value};
  auto bytes = TRY(format->write(std::span(&named, 1)));
  return std::string(as_text(bytes));
}

}  // namespace modelctl::actions
