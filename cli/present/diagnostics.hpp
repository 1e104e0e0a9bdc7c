// Renders an Error for users (what, where, because, help) or, with --output json, for programs: the same fields in
// both.
#pragma once

#include "base/error.hpp"

namespace modelctl::cli {

enum class Severity { error, warning };

//   error[unsupported-attribute]: cannot lower 'GridSample' for target 'aarch64'
//     --> detector.onnx: graph 'main', node 'sample_17'
//      = because mode "cubic" has a lowering for x86-64-v3 only
//      = help: export with mode="linear"
// The faults that an error summarizes are printed before it. The text ends with a line feed.
std::string render(const Error& error, Severity severity, bool color);

// One JSON object on one line, without a line feed: {"error": {"code": ..., "kind": ..., "what": ..., ...}}.
std::string render_json(const Error& error, Severity severity);

}  // namespace modelctl::cli
