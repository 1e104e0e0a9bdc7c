// The table of kinds (kind.def) and the parts of an Error. `why` is ordered from the outermost context to the innermost
// reason, so because() inserts at the front: callers add context while an error passes up.
#include "base/error.hpp"

#include "base/check.hpp"

namespace modelctl {

const KindInfo& info(Kind kind) {
  static constexpr KindInfo table[] = {
#define KIND(name, exit_code, http_status, may_retry, meaning) \
  {Kind::name, #name, exit_code, http_status, may_retry, meaning},
#include "base/kind.def"
#undef KIND
  };
  return table[static_cast<std::size_t>(kind)];
}

Error::Error(Kind kind, std::string_view code, std::string what) : kind(kind), code(code), what(std::move(what)) {}
Error::Error(const Error&) = default;
Error::Error(Error&&) noexcept = default;
Error& Error::operator=(const Error&) = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

Error&& Error::at(std::string place) && {
  where = std::move(place);
  return std::move(*this);
}

Error&& Error::because(std::string reason) && {
  why.insert(why.begin(), std::move(reason));
  return std::move(*this);
}

Error&& Error::help(std::string advice) && {
  hint = std::move(advice);
  return std::move(*this);
}

Error Faults::sum(std::string what) && {
  MODELCTL_CHECK(!errors_.empty(), "an error was requested without a fault");
  if (errors_.size() == 1) return std::move(errors_.front());
  Error all(errors_.front().kind, errors_.front().code, std::move(what));
  all.why.push_back(std::to_string(count()) + " faults were found, shown above");
  if (dropped_ > 0) all.why.push_back("only the first " + std::to_string(limit) + " are shown");
  all.faults = std::move(errors_);
  return all;
}

}  // namespace modelctl
