// protozero, with its assertions as exceptions: what it asserts of a field is what the file claims, and a field of the
// wrong wire type must be refused in release builds too. Include this, never protozero itself.
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
