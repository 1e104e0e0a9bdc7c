// The certificate authorities that a machine trusts.
#pragma once

#include "base/host.hpp"

#include <filesystem>
#include <string>

namespace modelctl::http {

// The file with their certificates (PEM) as this machine's distribution installs it; empty if there is none.
// Distributions have it in different places, and libcurl has one of them built in: a program that is to run on all of
// them must look.
std::string system_certificates();

// Whom connections trust: the given file, else $SSL_CERT_FILE and $SSL_CERT_DIR, else the system's certificates.
struct Authorities {
  std::string file, folder;
  bool none() const { return file.empty() && folder.empty(); }
};
Authorities trusted_authorities(const std::filesystem::path& ca_file, const Environment& environment);

// Their certificates (PEM), one after the other; of the folder, those of all its files. Fails with untrusted if there
// is none.
Result<std::string> read_certificates(const Authorities& authorities);
// What helps if none() is why a certificate is refused.
inline constexpr std::string_view no_authorities =
    "this machine has no list of certificate authorities: install the package ca-certificates, or pass --ca-file";

}  // namespace modelctl::http
