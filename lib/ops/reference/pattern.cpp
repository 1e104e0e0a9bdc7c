// The one file that includes RE2. A pattern and its automata have a memory limit, since both come from the model.
#include "ops/reference/pattern.hpp"

#include "ops/reference/run.hpp"

#include <re2/re2.h>

namespace modelctl::ops {

constexpr std::int64_t most_memory = 8 << 20;  // bytes

Pattern::Pattern(std::unique_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Result<Pattern> Pattern::compile(std::string_view pattern, Prefer prefer) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(most_memory);
  options.set_longest_match(prefer == Prefer::longest);
  auto compiled = std::make_unique<const RE2>(pattern, options);
  if (compiled->ok()) return Pattern(std::move(compiled));
  return refuse("'" + std::string(pattern.substr(0, 80)) + "' is not a regular expression: " + compiled->error());
}

bool Pattern::matches_all(std::string_view text) const { return RE2::FullMatch(text, *compiled_); }

std::optional<std::string_view> Pattern::find(std::string_view text, std::size_t from) const {
  re2::StringPiece found;
  if (!compiled_->Match(text, from, text.size(), RE2::UNANCHORED, &found, 1)) return std::nullopt;
  return std::string_view(found.data(), found.size());
}

}  // namespace modelctl::ops
