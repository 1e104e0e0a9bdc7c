// Files that are replaced while a server uses them, in the ways in which people and Kubernetes do that.
#include "serve/reloading.hpp"

#include "base/files.hpp"
#include "serve/tls_files.hpp"
#include "support/certificates.hpp"

#include <doctest/doctest.h>

#include <unistd.h>

using namespace modelctl;
using namespace modelctl::serve;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, std::string_view text) { REQUIRE(write_file(path, as_bytes(text))); }

// A change is over when nothing has changed between two looks.
bool changed(WatchedFiles& files) {
  CHECK_FALSE(files.changed());
  return files.changed() && !files.changed();
}

std::string use(const Settings& settings, const test::Certificates& made) {
  Settings complete = settings;
  complete.tls_cert = made.certificate;
  complete.tls_key = made.key;
  Metrics metrics;
  TlsFiles files(complete, metrics);
  auto loaded = files.load();
  return loaded ? "" : loaded.error().code;
}

}  // namespace

TEST_CASE("a file that is written, replaced, removed or made has changed, and one that is read has not") {
  test::Scratch scratch;
  fs::path path = scratch / "file";
  write(path, "one");
  WatchedFiles files({path});
  REQUIRE(read_text_file(path));
  CHECK_FALSE(changed(files));
  write(path, "two");
  CHECK(changed(files));
  fs::remove(path);
  CHECK(changed(files));
  write(path, "two");
  CHECK(changed(files));
}

TEST_CASE("a file has changed when a symbolic link on its path leads elsewhere, as in a volume of Kubernetes") {
  test::Scratch scratch;
  for (const char* version : {"..1", "..2"}) {
    fs::create_directory(scratch / version);
    write(scratch / version / "tls.crt", "same");
  }
  fs::create_symlink("..1", scratch / "..data");
  fs::create_symlink("..data/tls.crt", scratch / "tls.crt");
  WatchedFiles files({scratch / "tls.crt"});
  fs::create_symlink("..2", scratch / "..data_tmp");
  fs::rename(scratch / "..data_tmp", scratch / "..data");
  CHECK(changed(files));
}

TEST_CASE("files that change one after the other are one change") {
  test::Scratch scratch;
  WatchedFiles files({scratch / "a", scratch / "b"});
  write(scratch / "a", "1");
  CHECK_FALSE(files.changed());
  write(scratch / "b", "1");
  CHECK_FALSE(files.changed());
  CHECK(files.changed());
  CHECK_FALSE(files.changed());
}

TEST_CASE("a certificate without its key replaces nothing, and both together do") {
  test::Scratch scratch, other;
  auto first = test::make_certificates(scratch), second = test::make_certificates(other);
  if (!first || !second) return;
  Settings settings;
  settings.tls_cert = first->certificate;
  settings.tls_key = first->key;
  Metrics metrics;
  TlsFiles files(settings, metrics);
  REQUIRE(files.load());
  auto before = files.current();
  CHECK(metrics.text(false).find("modelctl_tls_certificate_expiration_timestamp_seconds ") != std::string::npos);
  CHECK(before->expires > std::chrono::system_clock::now());

  fs::rename(second->certificate, first->certificate);
  auto half = files.reload();
  REQUIRE_FALSE(half);
  CHECK(half.error().code == "bad-tls-key");
  CHECK(files.current() == before);
  fs::rename(second->key, first->key);
  REQUIRE(files.reload());
  CHECK(files.current() != before);
}

TEST_CASE("certificates, keys and authorities that cannot be used are named") {
  test::Scratch scratch;
  auto made = test::make_certificates(scratch);
  if (!made) return;
  CHECK(use({}, *made).empty());
  CHECK(use({}, {made->authority, made->key, made->key}) == "bad-certificate");
  CHECK(use({}, {made->authority, made->certificate, made->certificate}) == "bad-tls-key");
  CHECK(use({}, {made->authority, made->authority, made->key}) == "bad-tls-key");
  Settings mutual;
  mutual.tls_client_ca = made->authority;
  CHECK(use(mutual, *made).empty());
  mutual.tls_client_ca = made->key;
  CHECK(use(mutual, *made) == "bad-client-ca");
  mutual.tls_client_ca = scratch / "none";
  CHECK(use(mutual, *made) == "bad-client-ca");
  mutual.tls_client_ca = made->authority;
  CHECK(use(mutual, {}) == "half-tls");
}

TEST_CASE("a signal is noted once while its object exists, and no other one is") {
  NotedSignal signal(SIGHUP), other(SIGUSR2);
  CHECK_FALSE(signal.take());
  ::raise(SIGHUP);
  CHECK(signal.take());
  CHECK_FALSE(signal.take());
  CHECK_FALSE(other.take());
}
