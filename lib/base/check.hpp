// MODELCTL_CHECK: a broken invariant is our bug, not the user's error. It says so and aborts, in release builds too.
#pragma once

namespace modelctl {
[[noreturn]] void check_failed(const char* condition, const char* message, const char* file, int line);
}

#define MODELCTL_CHECK(condition, message) \
  ((condition) ? void() : ::modelctl::check_failed(#condition, message, __FILE__, __LINE__))
