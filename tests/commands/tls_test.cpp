// The certificates of a server that is running, with the programs openssl and curl as its clients.
#include "digits.hpp"
#include "support/certificates.hpp"

#include <csignal>
#include <cstdio>

using namespace modelctl;
using commands::digits;
using commands::eventually;
using commands::Serving;
using commands::shell;
using commands::wait_until;
namespace fs = std::filesystem;

namespace {

bool has_programs() {
  bool has = !test::find_program("openssl").empty() && !test::find_program("curl").empty();
  if (!has) std::printf("skipped: there is no program openssl or curl on this machine\n");
  return has;
}

std::string serial_of(const fs::path& certificate) {
  return shell("/", "openssl x509 -noout -serial -in " + certificate.string()).out;
}
// Of the certificate that a new handshake shows.
std::string serial_at(int port, const std::string& options = "") {
  return shell("/", "openssl s_client -connect localhost:" + std::to_string(port) + " " + options +
                        " </dev/null 2>/dev/null | openssl x509 -noout -serial")
      .out;
}

// Two identities by two authorities, and a folder with the files of one, as a volume of Kubernetes has them.
struct Volume {
  test::Scratch scratch, other, volume;
  test::Certificates first = test::make_certificates(scratch).value(), second = test::make_certificates(other).value();

  Volume() {
    fill("..1", first);
    fs::create_symlink("..1", volume / "..data");
    for (const char* name : {"tls.crt", "tls.key"}) fs::create_symlink(fs::path("..data") / name, volume / name);
  }
  void fill(const char* version, const test::Certificates& from) {
    fs::create_directory(volume / version);
    fs::copy_file(from.certificate, volume / version / "tls.crt");
    fs::copy_file(from.key, volume / version / "tls.key");
  }
  void lead_to(const char* version) {
    fs::create_symlink(version, volume / "..new");
    fs::rename(volume / "..new", volume / "..data");
  }
  std::string flags() const {
    return " --tls-cert " + (volume / "tls.crt").string() + " --tls-key " + (volume / "tls.key").string();
  }
};

}  // namespace

TEST_CASE("a new certificate is used by new connections, of HTTPS and gRPC, and the old ones go on") {
  if (!has_programs()) return;
  Volume volume;
  int grpc = test::free_port();
  Serving serving(digits().folder, "digits.tar --key me.pub --drain 0 --grpc 127.0.0.1:" + std::to_string(grpc) +
                                       volume.flags() + " 2>&1");
  REQUIRE_MESSAGE(eventually([&] { return serving.log_text().find("ready:") != std::string::npos; }),
                  serving.log_text());
  CHECK(serial_at(serving.port) == serial_of(volume.first.certificate));
  CHECK(serial_at(grpc, "-alpn h2") == serial_of(volume.first.certificate));

  // One connection sends a request before the change and another one after it.
  std::string connection = std::to_string(serving.port);
  auto opened = shell(volume.volume.path(), "mkfifo in && (openssl s_client -quiet -connect localhost:" + connection +
                                                " <in >out 2>/dev/null & echo $! >pid; exec 3>in; "
                                                "printf 'GET /livez HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' >&3; " +
                                                wait_until("-e next") +
                                                "printf 'GET /readyz HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' >&3; " +
                                                wait_until("-e end") + ") >/dev/null 2>&1 &");
  REQUIRE(opened.exit_code == 0);
  auto received = [&](const char* text) {
    return eventually(
        [&] { return read_text_file(volume.volume / "out").value_or("").find(text) != std::string::npos; });
  };
  CHECK(received("\"alive\""));

  volume.fill("..2", volume.second);
  volume.lead_to("..2");
  CHECK(eventually([&] { return serial_at(serving.port) == serial_of(volume.second.certificate); }));
  CHECK(serial_at(grpc, "-alpn h2") == serial_of(volume.second.certificate));
  CHECK(serving.log_text().find("reloaded the certificate: valid until ") != std::string::npos);
  REQUIRE(write_file(volume.volume / "next", {}));
  CHECK(received("\"ready\""));
  REQUIRE(write_file(volume.volume / "end", {}));
  serving.program.signal(SIGTERM);
  CHECK(serving.program.wait() == 0);
}

TEST_CASE("SIGHUP reads the certificate again; one that does not fit its key is reported and not used") {
  if (!has_programs()) return;
  Volume volume;
  Serving serving(digits().folder, "digits.tar --key me.pub --drain 0 --output json" + volume.flags());
  REQUIRE(eventually([&] { return serving.log_text().find("\"ready\"") != std::string::npos; }));
  serving.program.signal(SIGHUP);
  CHECK(eventually([&] { return serving.log_text().find(R"("what": "certificate"})") != std::string::npos; }));

  fs::rename(volume.second.certificate, volume.volume / "..1/tls.crt");
  CHECK(eventually([&] { return serving.log_text().find("\"error\": \"bad-tls-key\"") != std::string::npos; }));
  CHECK(serial_at(serving.port) == serial_of(volume.first.certificate));
  auto metrics = shell("/", "curl -sS --noproxy '*' --cacert " + volume.first.authority.string() +
                                " https://localhost:" + std::to_string(serving.port) + "/metrics");
  CHECK(metrics.out.find("modelctl_reloads_total{what=\"certificate\",outcome=\"failed\"} 1\n") != std::string::npos);
  CHECK(metrics.out.find("\nmodelctl_tls_certificate_expiration_timestamp_seconds ") != std::string::npos);
}

TEST_CASE("with an authority of clients, only who has a certificate by it is served") {
  if (!has_programs()) return;
  Volume volume;
  int grpc = test::free_port();
  Serving serving(digits().folder, "digits.tar --key me.pub --drain 0 --tls-client-ca " +
                                       volume.second.authority.string() + " --grpc 127.0.0.1:" + std::to_string(grpc) +
                                       volume.flags() + " 2>&1");
  REQUIRE_MESSAGE(eventually([&] { return serving.log_text().find("ready:") != std::string::npos; }),
                  serving.log_text());
  auto curl = [&](const test::Certificates* client, const std::string& versions) {
    std::string who =
        client == nullptr ? "" : " --cert " + client->certificate.string() + " --key " + client->key.string();
    return shell("/", "curl -sS --fail --noproxy '*' --cacert " + volume.first.authority.string() + who + versions +
                          " https://localhost:" + std::to_string(serving.port) + "/readyz")
        .exit_code;
  };
  for (const char* versions : {"", " --tls-max 1.2"}) {
    CAPTURE(versions);
    CHECK(curl(&volume.second, versions) == 0);
    CHECK(curl(&volume.first, versions) != 0);
    CHECK(curl(nullptr, versions) != 0);
  }
  auto handshake = [&](const std::string& who) {
    return shell("/",
                 "openssl s_client -tls1_2 -alpn h2 -connect localhost:" + std::to_string(grpc) + who + " </dev/null")
        .exit_code;
  };
  CHECK(handshake(" -cert " + volume.second.certificate.string() + " -key " + volume.second.key.string()) == 0);
  CHECK(handshake("") != 0);
}
