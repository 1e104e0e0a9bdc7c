// ValueInfoProto -> a name and a type as the file has it. Types become graph::Type in graph_reader.cpp, where symbols
// for unnamed dimensions can be made without colliding with names that come later in the file.
#pragma once

#include "base/result.hpp"
#include "onnx/wire.hpp"
#include "tensor/dtype.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace modelctl::onnx {

// A dimension: a size, a symbol's name, or neither, which means any size. Exporters also write 0, -1, "?" and "None"
// for "any size".
struct FileDim {
  std::optional<std::int64_t> size;
  std::string symbol;
};

struct FileType {
  DType element = DType::undefined;
  std::optional<std::vector<FileDim>> dims;  // nullopt: no shape given; none of a collection
  std::vector<FileType> inside;              // a collection's element type: one entry if the file has it
  DType key = DType::undefined;              // of a map
};

struct FileValue {
  std::string name;
  FileType type;
};

// A TypeProto.
Result<FileType> read_type(protozero::data_view message);
// Throws protozero's exceptions if the encoding is invalid.
Result<FileValue> read_value_info(protozero::data_view message);

}  // namespace modelctl::onnx
