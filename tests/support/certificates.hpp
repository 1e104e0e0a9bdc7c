// A certificate authority for one test, and a server's certificate by it, made by the openssl program.
#pragma once

#include "base/system_host.hpp"
#include "support/scratch.hpp"

#include <optional>

namespace modelctl::test {

struct Certificates {
  std::filesystem::path authority, certificate, key;  // PEM; the certificate is for localhost and 127.0.0.1
};

// Nothing if there is no openssl program.
inline std::optional<Certificates> make_certificates(const Scratch& scratch) {
  StopToken stop;
  SystemProcesses processes(stop);
  Certificates made{scratch / "ca.pem", scratch / "server.pem", scratch / "server.key"};
  auto run = [&](std::vector<std::string> command) {
    auto result = processes.run(command, {});
    return result && result->exit_code == 0;
  };
  std::vector<std::string> fresh_key{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"};
  std::vector<std::string> first{"openssl",
                                 "req",
                                 "-x509",
                                 "-days",
                                 "2",
                                 "-subj",
                                 "/CN=modelctl test CA",
                                 "-keyout",
                                 (scratch / "ca.key").string(),
                                 "-out",
                                 made.authority.string()};
  std::vector<std::string> second{"openssl",
                                  "req",
                                  "-x509",
                                  "-days",
                                  "2",
                                  "-subj",
                                  "/CN=localhost",
                                  "-addext",
                                  "subjectAltName=DNS:localhost,IP:127.0.0.1",
                                  "-addext",
                                  "basicConstraints=critical,CA:FALSE",
                                  "-CA",
                                  made.authority.string(),
                                  "-CAkey",
                                  (scratch / "ca.key").string(),
                                  "-keyout",
                                  made.key.string(),
                                  "-out",
                                  made.certificate.string()};
  first.insert(first.end(), fresh_key.begin(), fresh_key.end());
  second.insert(second.end(), fresh_key.begin(), fresh_key.end());
  if (!run(first) || !run(second)) return std::nullopt;
  return made;
}

}  // namespace modelctl::test
