// Whether two hosts belong to one owner, as far as names can show it: the rule that browsers use for cookies.
#pragma once

#include <string_view>

namespace modelctl::http {

// True if the hosts are the same, are both this machine, or have the same registrable domain: the part that one owner
// registered below a public suffix. "co.uk" and "github.io" are public suffixes, so a.github.io and b.github.io are
// different owners. Addresses and single-label names have no registrable domain and must be equal.
bool same_site(std::string_view a, std::string_view b);

}  // namespace modelctl::http
