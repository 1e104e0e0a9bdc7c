// The life of a bearer token.
#include "http/authorizer.hpp"

#include <algorithm>

namespace modelctl::http {
namespace {

// A service that says 0 would be asked again before every request. A token that expires earlier is refused with a 401,
// after which a new one is fetched.
constexpr std::chrono::seconds shortest_lifetime{10};

}  // namespace

Result<std::string> BearerToken::authorization() {
  if (value_.empty() || clock_.steady() >= refresh_at_) {
    Token token = TRY(source_());
    value_ = "Bearer " + token.value;
    refresh_at_ = clock_.steady() + std::max(token.lifetime, shortest_lifetime) * 4 / 5;
  }
  return value_;
}

}  // namespace modelctl::http
