// The error boundary of everything that one request may cause: an exception must not end the process. The memory that
// the call took is free again when it returns.
#pragma once

#include "base/result.hpp"

#include <new>

namespace modelctl::serve {

// Calls body(), which returns a Result; what it throws becomes an error: no memory a 503, anything else a 500.
template <class Body>
auto guarded(Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Error(Kind::unavailable, "out-of-memory", "there is not enough memory to answer the request");
  } catch (...) { return Error(Kind::bug, "internal-error", "the request could not be answered: an internal error"); }
}

}  // namespace modelctl::serve
