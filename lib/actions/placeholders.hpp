// What `init` leaves to the user to write, as far as it is still in what is going to be signed.
#pragma once

#include "actions/pack.hpp"

namespace modelctl::actions {

// A warning, code placeholder, for each document with lines that have the word TODO, which it lists, and one for the
// settings and samples of modelctl.yaml that are as `init` wrote them. Documents that cannot be read are left out, and
// whoever packs them reports it.
std::vector<Error> placeholders_in(const PackRequest& request);

}  // namespace modelctl::actions
