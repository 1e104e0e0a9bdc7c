// ValueInfoProto -> a name and a type as the file spells it.
#pragma once

#include "base/result.hpp"
#include "onnx/wire.hpp"
#include "tensor/dtype.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace modelctl::onnx {

// A dimension: a size, a symbol's name, or neither. Exporters write 0, -1, "?" and "None" for "any", so those are
// neither.
struct FileDim {
  std::optional<std::int64_t> size;
  std::string symbol;
};

struct FileType {
  DType element = DType::undefined;
  std::optional<std::vector<FileDim>> dims;  // nullopt: no shape given; none of a collection
  std::vector<FileType> inside;              // what a collection holds: one, if the file says
  DType key = DType::undefined;              // of a map
};

struct FileValue {
  std::string name;
  FileType type;
};

// A TypeProto.
Result<FileType> read_type(protozero::data_view message);
// Throws protozero's exceptions where the encoding is broken.
Result<FileValue> read_value_info(protozero::data_view message);

}  // namespace modelctl::onnx
