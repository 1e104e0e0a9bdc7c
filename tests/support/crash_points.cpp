// The intercepted calls. Only the child of run_until() counts them: everywhere else they are the real ones.
#include "support/crash_points.hpp"

#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr int killed_code = 99;
int steps_left = -1;  // negative: not counting
bool links_allowed = true;

void step() {
  if (steps_left < 0) return;
  if (steps_left == 0) ::_exit(killed_code);
  --steps_left;
}

}  // namespace

extern "C" {
ssize_t __real_write(int descriptor, const void* bytes, size_t size);
ssize_t __real_pwrite(int descriptor, const void* bytes, size_t size, off_t at);
int __real_ftruncate(int descriptor, off_t size);
int __real_fchmod(int descriptor, mode_t mode);
int __real_mkdirat(int folder, const char* path, mode_t mode);
int __real_rename(const char* from, const char* to);
int __real_renameat(int from_folder, const char* from, int to_folder, const char* to);
int __real_linkat(int from_folder, const char* from, int to_folder, const char* to, int flags);
int __real_unlink(const char* path);
int __real_unlinkat(int folder, const char* path, int flags);

// A write is two steps, since it is not atomic: a process that is killed at the second has written half.
ssize_t __wrap_write(int descriptor, const void* bytes, size_t size) {
  step();
  if (steps_left == 0) __real_write(descriptor, bytes, size / 2);
  step();
  return __real_write(descriptor, bytes, size);
}
ssize_t __wrap_pwrite(int descriptor, const void* bytes, size_t size, off_t at) {
  step();
  if (steps_left == 0) __real_pwrite(descriptor, bytes, size / 2, at);
  step();
  return __real_pwrite(descriptor, bytes, size, at);
}
int __wrap_ftruncate(int descriptor, off_t size) {
  step();
  return __real_ftruncate(descriptor, size);
}
int __wrap_fchmod(int descriptor, mode_t mode) {
  step();
  return __real_fchmod(descriptor, mode);
}
int __wrap_mkdirat(int folder, const char* path, mode_t mode) {
  step();
  return __real_mkdirat(folder, path, mode);
}
// Syncs nothing: what a killed process has written stays without, and hundreds of syncs take minutes on a busy disk.
int __wrap_fsync(int) {
  step();
  return 0;
}
int __wrap_rename(const char* from, const char* to) {
  step();
  return __real_rename(from, to);
}
int __wrap_renameat(int from_folder, const char* from, int to_folder, const char* to) {
  step();
  return __real_renameat(from_folder, from, to_folder, to);
}
int __wrap_linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) {
  step();
  if (links_allowed) return __real_linkat(from_folder, from, to_folder, to, flags);
  errno = EPERM;
  return -1;
}
int __wrap_unlink(const char* path) {
  step();
  return __real_unlink(path);
}
int __wrap_unlinkat(int folder, const char* path, int flags) {
  step();
  return __real_unlinkat(folder, path, flags);
}
}  // extern "C"

namespace modelctl::test {

Outcome run_until(int step, bool hard_links, const std::function<bool()>& work) {
  std::fflush(nullptr);
  pid_t child = ::fork();
  if (child == 0) {
    links_allowed = hard_links;
    steps_left = step;
    bool good = work();
    steps_left = -1;
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == killed_code) return Outcome::killed;
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? Outcome::succeeded : Outcome::failed;
}

}  // namespace modelctl::test
