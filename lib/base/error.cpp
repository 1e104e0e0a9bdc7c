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

Error Faults::sum(std::string what) && {
  MODELCTL_CHECK(!errors_.empty(), "an error was asked for where there is no fault");
  if (errors_.size() == 1) return std::move(errors_.front());
  Error all(errors_.front().kind, errors_.front().code, std::move(what));
  all.why.push_back(std::to_string(count()) + " faults were found, shown above");
  if (dropped_ > 0) all.why.push_back("only the first " + std::to_string(limit) + " are shown");
  all.faults = std::move(errors_);
  return all;
}

}  // namespace modelctl
