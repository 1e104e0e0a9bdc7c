// The example digits as a package that is signed, for tests that serve it.
#pragma once

#include "serving.hpp"

namespace modelctl::commands {

// The example as a project: built, packed and signed.
struct Digits {
  test::Scratch scratch;
  std::filesystem::path folder = scratch / "digits";

  Digits() {
    auto made = shell(scratch.path(),
                      "modelctl init --example digits && cd digits && modelctl build && "
                      "modelctl key generate -o me && modelctl pack --key me.key -o digits.tar");
    REQUIRE_MESSAGE(made.exit_code == 0, made.err);
  }
  std::string request() const { return read_text_file(folder / "samples/request.json").value(); }
};

inline const Digits& digits() {
  static const Digits made;
  return made;
}

}  // namespace modelctl::commands
