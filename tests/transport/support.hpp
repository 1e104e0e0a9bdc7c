// What the tests of lib/transport share: a small signed package, and an error as one line.
#pragma once

#include "actions/list.hpp"
#include "actions/pull.hpp"
#include "actions/push.hpp"
#include "package/support.hpp"

namespace modelctl::transport::test {

using modelctl::test::FakeHost;
using modelctl::test::Scratch;
using package::test::bytes_of;
using package::test::message_of;

// A package, the key that verifies it, and a host whose local registry is below the same folder.
struct Shop {
  Scratch scratch;
  FakeHost fake;
  Host& host = fake.host;
  std::filesystem::path archive = scratch / "digits.tar", key = scratch / "test.pub";
  package::Written written;

  explicit Shop(std::vector<package::Payload> payload = package::test::small_payload()) {
    auto secret = package::test::key_of(package::test::p256_pem);
    written = package::test::write(archive, secret, package::test::draft(), std::move(payload));
    REQUIRE(write_file(key, as_bytes(secret.public_key().pem())));
    fake.environment.variables["MODELCTL_REGISTRY"] = (scratch / "registry").string();
    fake.environment.variables["HOME"] = scratch.path().string();
  }

  actions::RemoteOptions remote;
  Result<actions::PushReport> push(const std::string& reference, bool force = false) {
    return actions::push({archive, reference, remote, force}, host);
  }
  Result<actions::PullReport> pull(const std::string& reference, const std::string& to = "pulled.tar") {
    actions::PullRequest request{.reference = reference, .archive = scratch / to, .remote = remote};
    request.trust.key = key;
    return actions::pull(request, host);
  }
  Result<actions::PullReport> pull_folder(const std::string& reference, const std::string& to = "pulled") {
    actions::PullRequest request{.reference = reference, .folder = scratch / to, .remote = remote};
    request.trust.key = key;
    return actions::pull(request, host);
  }
  // Names in the scratch folder that a pull leaves while it is not done.
  std::vector<std::string> leftovers() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(scratch.path())) {
      std::string name = entry.path().filename().string();
      if (name.ends_with(".partial") || name.starts_with(".modelctl")) names.push_back(name);
    }
    return names;
  }
};

inline std::string message_of(const auto& result) {
  return result ? std::string("no error") : package::test::message_of(result.error());
}

}  // namespace modelctl::transport::test
