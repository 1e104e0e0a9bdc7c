// The places are those that Go's crypto/x509 looks in.
#include "http/certificates.hpp"

#include "base/files.hpp"

#include <fmt/core.h>

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

Authorities trusted_authorities(const std::filesystem::path& ca_file, const Environment& environment) {
  Authorities authorities{ca_file.string(), {}};
  if (authorities.file.empty()) {
    authorities.file = environment.get("SSL_CERT_FILE").value_or("");
    authorities.folder = environment.get("SSL_CERT_DIR").value_or("");
  }
  if (authorities.none()) authorities.file = system_certificates();
  return authorities;
}

Result<std::string> read_certificates(const Authorities& authorities) {
  constexpr std::uint64_t limit = 16 << 20;
  constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
  std::string all;
  if (!authorities.file.empty()) all = TRY(read_text_file(authorities.file, limit));
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(authorities.folder, code)) {
    if (!entry.is_regular_file(code)) continue;
    auto text = read_text_file(entry.path(), limit);
    if (text && all.size() < limit && text->find(begin) != std::string::npos) all += "\n" + *text;
  }
  if (all.find(begin) != std::string::npos) return all;
  auto error = Error(Kind::untrusted, "bad-certificate", "cannot trust any server: there is no certificate to trust");
  if (authorities.none()) return std::move(error).help(std::string(no_authorities));
  return std::move(error).at(authorities.file.empty() ? authorities.folder : authorities.file);
}

}  // namespace modelctl::http
