// numpy's .npy as a building block: .npz is an archive of them.
#pragma once

#include "tensor/formats/formats.hpp"

namespace modelctl::formats {

// Reads one array. `expected` may be null; it tells what raw bytes ("V2") are, numpy having no name for bf16 and f8.
Result<Tensor> read_npy(ByteSpan bytes, const Expected* expected, std::string_view where);

// Format version 1.0, C order, little-endian; strings as UTF-8 bytes would be ambiguous to numpy, so they are UCS-4.
Result<std::vector<std::byte>> write_npy(const Tensor& tensor);

}  // namespace modelctl::formats
