// Field numbers and enumerators of ONNX's protobuf messages, one namespace per message, named as in onnx.proto of
// onnx/onnx (IR version 13; https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). Field numbers never change once
// they are released, so the lists only grow. Fields that modelctl neither reads nor writes are left out.
#pragma once

#include "onnx/wire.hpp"

namespace modelctl::onnx::proto {

using Field = protozero::pbf_tag_type;

namespace model {  // ModelProto
inline constexpr Field ir_version = 1, producer_name = 2, producer_version = 3, domain = 4, model_version = 5,
                       doc_string = 6, graph = 7, opset_import = 8, metadata_props = 14, training_info = 20,
                       functions = 25, configuration = 26;
}
namespace opset {  // OperatorSetIdProto
inline constexpr Field domain = 1, version = 2;
}
namespace entry {  // StringStringEntryProto
inline constexpr Field key = 1, value = 2;
}
namespace graph {  // GraphProto
inline constexpr Field node = 1, name = 2, initializer = 5, input = 11, output = 12, value_info = 13,
                       sparse_initializer = 15;
}
namespace node {  // NodeProto
inline constexpr Field input = 1, output = 2, name = 3, op_type = 4, attribute = 5, domain = 7, overload = 8;
}
namespace function {  // FunctionProto
inline constexpr Field name = 1, input = 4, output = 5, attribute = 6, node = 7, opset_import = 9, domain = 10,
                       attribute_proto = 11, overload = 13;
}
namespace attribute {  // AttributeProto
inline constexpr Field name = 1, f = 2, i = 3, s = 4, t = 5, g = 6, floats = 7, ints = 8, strings = 9, graphs = 11,
                       tp = 14, type = 20, ref_attr_name = 21, sparse_tensor = 22;
}
// AttributeProto.AttributeType; 0 is UNDEFINED. Not an enum class: a file may hold any number.
namespace attribute_type {
inline constexpr int float_ = 1, int_ = 2, string = 3, tensor = 4, graph = 5, floats = 6, ints = 7, strings = 8,
                     sparse_tensor = 11, type_proto = 13;
}
namespace value_info {  // ValueInfoProto
inline constexpr Field name = 1, type = 2;
}
namespace type {  // TypeProto
inline constexpr Field tensor_type = 1, sequence_type = 4, map_type = 5, opaque_type = 7, sparse_tensor_type = 8,
                       optional_type = 9;
}
namespace tensor_type {  // TypeProto.Tensor
inline constexpr Field elem_type = 1, shape = 2;
}
namespace collection_type {  // TypeProto.Sequence and TypeProto.Optional
inline constexpr Field elem_type = 1;
}
namespace map_type {  // TypeProto.Map
inline constexpr Field key_type = 1, value_type = 2;
}
namespace shape {  // TensorShapeProto
inline constexpr Field dim = 1;
}
namespace dimension {  // TensorShapeProto.Dimension
inline constexpr Field dim_value = 1, dim_param = 2;
}
namespace tensor {  // TensorProto
inline constexpr Field dims = 1, data_type = 2, segment = 3, float_data = 4, int32_data = 5, string_data = 6,
                       int64_data = 7, name = 8, raw_data = 9, double_data = 10, uint64_data = 11, external_data = 13,
                       data_location = 14;
}
// TensorProto.DataLocation; 0 is DEFAULT, in the message itself.
namespace data_location {
inline constexpr int external = 1;
}
namespace sparse_tensor {  // SparseTensorProto
inline constexpr Field values = 1, indices = 2, dims = 3;
}

}  // namespace modelctl::onnx::proto
