#include "actions/verify.hpp"

namespace modelctl::actions {

Result<VerifyReport> verify(const VerifyRequest& request, Host& host) {
  package::Trust trust = TRY(package::read_trust(request.trust, host.environment));
  return VerifyReport{TRY(package::verify(request.package, trust, host.talk, host.stop))};
}

}  // namespace modelctl::actions
