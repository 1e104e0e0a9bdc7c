// What a secret leaves behind.
#include "package/keys.hpp"

#include <doctest/doctest.h>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace modelctl;
using namespace modelctl::package;

namespace {

// Whether a process that did this would write a core dump. In a process of its own, because it cannot be undone.
template <typename Body>
bool dumpable_after(Body body) {
  pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1 ? 1 : 0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  return WEXITSTATUS(status) == 1;
}

}  // namespace

TEST_CASE("once a passphrase or private key was in memory, a crash writes no core dump") {
  CHECK(!dumpable_after([] { Secret secret("correct horse"); }));
  CHECK(!dumpable_after([] { auto key = PrivateKey::generate(Algorithm::ed25519); }));
}
