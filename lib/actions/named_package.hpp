// The comparison of what a reference names with the package that is there, for all commands that take references.
#pragma once

#include "base/host.hpp"
#include "package/package.hpp"
#include "transport/transport.hpp"

namespace modelctl::actions {

// Fails with `untrusted` if the manifest contradicts the reference and `any_name` is false. Reports which version a tag
// that is not a version itself ("latest") stands for. URLs and files name a place, not a package: nothing is compared.
Result<void> check_name(const transport::TransportDef& def, const std::string& reference,
                        const package::Manifest& manifest, bool any_name, Reporter& reporter);

// Before a push: fails with `conflict` if the manifest contradicts the reference, or if another package is already
// there.
Result<void> check_push(const transport::TransportDef& def, const std::string& reference,
                        const package::Package& package, transport::Context& context);

}  // namespace modelctl::actions
