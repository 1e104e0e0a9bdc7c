// The property that the fuzz targets of all tensor formats share: what a reader accepts, its writer writes so that the
// reader gives the same tensors again, unless the format says that it cannot.
#pragma once

#include "base/check.hpp"
#include "tensor/formats.hpp"

namespace modelctl::test {

inline void read_and_write_back(std::string_view extension, const std::uint8_t* data, std::size_t size,
                                std::span<const formats::Expected> expected = {}) {
  const formats::Format& format = **formats::format_of(extension);
  ByteSpan bytes = std::as_bytes(std::span(data, size));
  const formats::Expected* next = expected.empty() ? nullptr : &expected.front();
  auto tensors = format.read({bytes, "fuzz", expected, next});
  if (!tensors || format.write == nullptr || (!format.several && tensors->size() != 1)) return;
  auto written = format.write(*tensors);
  if (!written) return;
  std::vector<formats::Expected> exact;
  for (const formats::NamedTensor& t : *tensors) exact.push_back({t.name, t.tensor.type(), t.tensor.dims()});
  auto again = format.read({*written, "again", exact, exact.empty() ? nullptr : &exact.front()});
  MODELCTL_CHECK(again && again->size() == tensors->size(), "a tensor file that was written reads back");
  for (std::size_t i = 0; i < tensors->size(); ++i) {
    auto text = format.write({&(*tensors)[i], 1}), text_again = format.write({&(*again)[i], 1});
    MODELCTL_CHECK(text && text_again && *text == *text_again, "a tensor that was written reads back as itself");
  }
}

}  // namespace modelctl::test
