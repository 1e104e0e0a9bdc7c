// The public suffix list (publicsuffix.org) comes with libpsl, as it does for libcurl: the list changes every week, and
// a copy of our own would be wrong soon.
#include "http/domain.hpp"

#include "http/address.hpp"

#include <libpsl.h>

#include <memory>
#include <string>

namespace modelctl::http {
namespace {

// The system's list if it is newer than the one that is compiled into the library.
const psl_ctx_t* suffixes() {
  static const std::unique_ptr<psl_ctx_t, void (*)(psl_ctx_t*)> list(psl_latest(nullptr), &psl_free);
  return list ? list.get() : psl_builtin();
}

std::string registrable_domain(std::string_view host) {
  std::string name(host);  // the result points into it
  const char* domain = psl_registrable_domain(suffixes(), name.c_str());
  return domain == nullptr ? std::string() : std::string(domain);
}

}  // namespace

bool same_site(std::string_view a, std::string_view b) {
  if (a == b || (is_loopback(a) && is_loopback(b))) return true;
  if (is_address(a) || is_address(b)) return false;
  std::string domain = registrable_domain(a);
  return !domain.empty() && domain == registrable_domain(b);
}

}  // namespace modelctl::http
