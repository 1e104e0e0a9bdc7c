// The certificate authorities that a machine trusts.
#pragma once

#include <string>

namespace modelctl::http {

// The file with their certificates (PEM) as this machine's distribution installs it; empty if there is none.
// Distributions have it in different places, and libcurl has one of them built in: a program that is to run on all of
// them must look.
std::string system_certificates();

}  // namespace modelctl::http
