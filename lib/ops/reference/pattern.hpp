// Regular expressions of the operators that have them, in RE2's syntax and executed by RE2: its time is linear in the
// text, whatever the pattern. RE2 and its Unicode tables take 400 KB, and Debian's archive of it is not position
// independent, so a file that includes this one needs the full runner and says so in its opening comment.
#pragma once

#include "base/result.hpp"

#include <memory>
#include <optional>
#include <string_view>

namespace re2 {
class RE2;
}

namespace modelctl::ops {

class Pattern {
 public:
  enum class Prefer : std::uint8_t { first, longest };  // of the alternatives that match at one position

  // Fails for a pattern that RE2 does not accept.
  static Result<Pattern> compile(std::string_view pattern, Prefer prefer);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  bool matches_all(std::string_view text) const;
  // The leftmost match at or after `from`; it may be empty. Anchors refer to the whole text.
  std::optional<std::string_view> find(std::string_view text, std::size_t from) const;

 private:
  explicit Pattern(std::unique_ptr<const re2::RE2> compiled);
  std::unique_ptr<const re2::RE2> compiled_;
};

}  // namespace modelctl::ops
