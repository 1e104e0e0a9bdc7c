// For C libraries that report an error by a call which must not return: it jumps back to where the library was called.
#pragma once

#include "images/images.hpp"

#include <csetjmp>
#include <cstdio>
#include <string>

namespace modelctl::images {

class Guard {
 public:
  // Runs a body that calls the library. It may be left in the middle, so neither it nor what it calls may own anything
  // that needs a destructor: memory and handles belong to the caller.
  template <class Body>
  __attribute__((noinline)) Result<void> run(Body&& body) {
    if (setjmp(jump_) != 0) return damaged(message_);
    body();
    return {};
  }

  [[noreturn]] void fail(const char* message) {
    std::snprintf(message_, sizeof(message_), "%s", message);
    std::longjmp(jump_, 1);
  }

 private:
  std::jmp_buf jump_;
  char message_[256] = {};
};

}  // namespace modelctl::images
