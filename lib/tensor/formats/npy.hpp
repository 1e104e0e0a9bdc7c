// NumPy's .npy format as a building block: a .npz file is a ZIP archive of them.
#pragma once

#include "tensor/formats.hpp"

namespace modelctl::formats {

// Reads one array. `expected` may be null. It gives the meaning of raw bytes ("V2"): NumPy has no names for bf16 and
// for the types of 8 bits or less that ml_dtypes adds to it.
Result<Tensor> read_npy(ByteSpan bytes, const Expected* expected, std::string_view where);

// Writes format version 1.0, C order, little-endian. Strings are UCS-4 ('U'), NumPy's type of Unicode text.
Result<std::vector<std::byte>> write_npy(const Tensor& tensor);

}  // namespace modelctl::formats
