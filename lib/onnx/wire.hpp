// protozero with its assertions turned into exceptions. protozero asserts that a field has the expected wire type, but
// the wire type is input: a wrong one must be refused in release builds too, where assertions are compiled out. Include
// this header, never protozero itself.
#pragma once

#include <protozero/exception.hpp>

namespace modelctl::onnx {
struct WrongWireType : protozero::exception {
  const char* what() const noexcept override { return "a field has the wrong wire type"; }
};
}  // namespace modelctl::onnx

#define protozero_assert(condition) ((condition) ? void() : throw ::modelctl::onnx::WrongWireType())

#include <protozero/data_view.hpp>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
