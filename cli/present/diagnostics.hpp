// An Error for a person (what, where, because, help) or, with --output json, for a program: the same fields.
#pragma once

#include "base/error.hpp"

namespace modelctl::cli {

enum class Severity { error, warning };

//   error[unsupported-attribute]: cannot lower 'GridSample' for target 'aarch64'
//     --> detector.onnx: graph 'main', node 'sample_17'
//      = because mode "cubic" has a lowering for x86-64-v3 only
//      = help: export with mode="linear"
// The faults that the error sums up come before it. Ends with a line end.
std::string render(const Error& error, Severity severity, bool color);

// One JSON object in one line, with no line end: {"error": {"code": ..., "kind": ..., "what": ..., ...}}.
std::string render_json(const Error& error, Severity severity);

}  // namespace modelctl::cli
