// Error handling for C libraries whose error callback must not return (libjpeg, libpng): it jumps back to where the
// library was called. An exception instead would have to pass through C code that is not compiled for unwinding.
#pragma once

#include "images/images.hpp"

#include <csetjmp>
#include <cstdio>
#include <string>

namespace modelctl::images {

class Guard {
 public:
  // Runs a body that calls the library. longjmp skips destructors, so neither the body nor the functions it calls may
  // own an object with one: memory and handles belong to the caller. Not inlined, so that the caller's variables are
  // not kept in registers across setjmp.
  template <class Body>
  __attribute__((noinline)) Result<void> run(Body&& body) {
    if (setjmp(jump_) != 0) return damaged(message_);
    body();
    return {};
  }

  // Called by the library's error callback. The message is copied, because it may be in memory that the jump discards.
  [[noreturn]] void fail(const char* message) {
    std::snprintf(message_, sizeof(message_), "%s", message);
    std::longjmp(jump_, 1);
  }

 private:
  std::jmp_buf jump_;
  char message_[256] = {};
};

}  // namespace modelctl::images
