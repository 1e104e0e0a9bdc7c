// A passphrase or private key in memory: wiped when it is destroyed, and nothing prints it. From the first one on a
// crash writes no core dump (base/core_dumps.hpp).
#pragma once

#include "base/core_dumps.hpp"

#include <string>
#include <string_view>

namespace modelctl::package {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) : text_(text) { forbid_core_dumps(); }
  // As above; what it was taken from is wiped.
  static Secret take(std::string& text) {
    Secret secret{std::string_view(text)};
    wipe(text);
    return secret;
  }
  ~Secret() { wipe(text_); }
  // Copied and wiped: a short string is inside the object, and moving it would leave its bytes behind.
  Secret(Secret&& other) : text_(other.text_) { wipe(other.text_); }
  Secret& operator=(Secret&& other);

  // For the one call that needs it.
  std::string_view reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

  static void wipe(std::string& text);

 private:
  std::string text_;
};

}  // namespace modelctl::package
