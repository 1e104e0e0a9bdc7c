// What went wrong, as a value: what, where, because, help. See docs/explanation/decisions/errors-are-values.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace modelctl {

// The kind of a failure decides what a caller may do about it; base/kind.def is the table.
enum class Kind : std::uint8_t {
#define KIND(name, exit_code, http_status, may_retry, meaning) name,
#include "base/kind.def"
#undef KIND
};

struct KindInfo {
  Kind kind;
  std::string_view name;
  int exit_code;
  int http_status;
  bool may_retry;
  std::string_view meaning;
};

// The row of base/kind.def for a kind.
const KindInfo& info(Kind kind);

// One failure. `code` is stable and what scripts and tests match; the rest is prose and may improve.
//
//   return Error(Kind::not_found, "no-such-file", "cannot open 'a.onnx'").at("a.onnx").help("check the path");
class Error {
 public:
  // `what` starts with what could not be done: lower case, no full stop, the user's own words in single quotes.
  Error(Kind kind, std::string_view code, std::string what);

  // Out of line, as all that makes, moves and ends an error: each TRY has several, and a program has thousands of
  // those.
  Error(const Error&);
  Error(Error&&) noexcept;
  Error& operator=(const Error&);
  Error& operator=(Error&&) noexcept;
  ~Error();

  // Where it is: a file, graph and node; a manifest's line; a URL with method and status.
  Error&& at(std::string place) &&;
  // Why: call it innermost first, as the error travels outward; a person reads the outermost first.
  Error&& because(std::string reason) &&;
  // What to do, only if it can be followed as printed.
  Error&& help(std::string advice) &&;

  Kind kind;
  std::string code;
  std::string what;
  std::string where;
  std::vector<std::string> why;
  std::string hint;
  // The separate faults that this error sums up, each to be shown before it (see Faults).
  std::vector<Error> faults;
};

// Collects every fault that a reader finds, so that the user sees them all at once; then fails once.
class Faults {
 public:
  void add(Error error) {
    if (errors_.size() < limit) errors_.push_back(std::move(error));
    else ++dropped_;
  }
  bool none() const { return errors_.empty(); }
  std::size_t count() const { return errors_.size() + dropped_; }
  // One error that stands for all: the fault itself if there is one, else `what` with the faults attached.
  // Must not be called when none().
  Error sum(std::string what) &&;

 private:
  static constexpr std::size_t limit = 50;  // more than a person reads; a malicious file must not fill the memory
  std::vector<Error> errors_;
  std::size_t dropped_ = 0;
};

}  // namespace modelctl
