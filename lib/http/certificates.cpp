// The places are those that Go's crypto/x509 looks in.
#include "http/certificates.hpp"

#include <filesystem>

namespace modelctl::http {

std::string system_certificates() {
  for (const char* file : {
           "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Gentoo, Alpine
           "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, RHEL 6
           "/etc/ssl/ca-bundle.pem",                             // openSUSE
           "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // RHEL 7 and later
           "/etc/ssl/cert.pem",                                  // Alpine without the package ca-certificates
       }) {
    std::error_code code;
    if (std::filesystem::is_regular_file(file, code)) return file;
  }
  return {};
}

}  // namespace modelctl::http
