// What a request holds of the memory for the bodies of all connections: its body, and what that becomes.
#pragma once

#include "base/result.hpp"
#include "serve/http/http.hpp"

namespace modelctl::serve {

// The request holds so many bytes from now on, in total. Fails with unavailable, code no-memory, if other requests have
// the memory; it then holds what it held before.
inline Result<void> hold(const ClientRequest& request, std::uint64_t bytes) {
  if (request.memory == nullptr || request.memory->resize(bytes)) return {};
  return Error(Kind::unavailable, "no-memory", "the bodies of other requests take up the memory for bodies");
}

}  // namespace modelctl::serve
