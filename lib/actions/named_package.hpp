// References as all commands take them: what is one, and the comparison of what it names with the package that is
// there.
#pragma once

#include "base/host.hpp"
#include "package/package.hpp"
#include "transport/transport.hpp"

namespace modelctl::actions {

// Whether the text is a reference to a package: it has a ':' as references do. A file or folder of that name wins.
bool is_reference(const std::string& text);

// Fails with `untrusted` if the manifest contradicts the reference and `any_name` is false. Reports which version a tag
// that is not a version itself ("latest") stands for. URLs and files name a place, not a package: nothing is compared.
//
// A signature shows who made a package, not that it is the one that was asked for. Without this check a registry, or
// whoever controls it, could answer digits:1.2 with digits:1.0 and its known weakness, or with another model that the
// same key signed: every byte would verify.
Result<void> check_name(const transport::TransportDef& def, const std::string& reference,
                        const package::Manifest& manifest, bool any_name, Reporter& reporter);

// Before a push: fails with `conflict` if the manifest contradicts the reference, or if another package is already
// there. This prevents mistakes, not races: the distribution specification has no request that sets a tag only if it is
// free, so of two pushes at the same time both may succeed, and the last one keeps the tag.
Result<void> check_push(const transport::TransportDef& def, const std::string& reference,
                        const package::Package& package, transport::Context& context);

}  // namespace modelctl::actions
