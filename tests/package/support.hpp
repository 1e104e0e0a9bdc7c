// Small packages for the tests of lib/package.
#pragma once

#include "package/package.hpp"
#include "package/writer.hpp"
#include "support/hosts.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <cstdio>

namespace modelctl::package::test {

using modelctl::test::FakeHost;
using modelctl::test::Scratch;

// PKCS#8 keys of the tests' own, so that signatures can be compared with fixed bytes.
inline constexpr std::string_view p256_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8x6a0ygNbruOtwO0\n"
    "GUnOiUkC/MQn5q1ehTf9o1PflCChRANCAAROKLLqWFHHWzA2yiW1HwW8xRbEEKCC\n"
    "voVx04z9WWvEIndaGXthV4aC0ssHuXeZkujBtxN3Ef6l6fTBvoMwfjqY\n"
    "-----END PRIVATE KEY-----\n";

inline PrivateKey key_of(std::string_view pem) {
  auto key = PrivateKey::parse(Secret(pem), "test.key", [] { return Secret(); });
  REQUIRE(key);
  return std::move(*key);
}
inline Trust trust_in(const PrivateKey& key, std::string name = "test") {
  return Trust({{std::move(name), key.public_key()}});
}

inline Manifest draft() {
  Manifest manifest;
  manifest.name = "digits";
  manifest.version = "1.2";
  manifest.license = "BSD-3-Clause";
  manifest.inputs = {{"image", "float32", {{0, "batch"}, {1, {}}, {8, {}}, {8, {}}}}};
  manifest.outputs = {{"scores", "float32", {{0, "batch"}, {10, {}}}}};
  return manifest;
}
inline std::vector<Payload> small_payload() {
  return {{"model.weights", Role::weights, false, Content::of_bytes(std::string(700, 'w'))},
          {"model.plan", Role::plan, false, Content::of_bytes("a plan")},
          {"docs/empty.md", Role::document, false, Content::of_bytes("")},
          {"code/run.sh", Role::code, true, Content::of_bytes("#!/bin/sh\n")}};
}

// Writes the package; the test fails if that fails.
inline Written write(const std::filesystem::path& path, const PrivateKey& key, Manifest manifest = draft(),
                     std::vector<Payload> payload = small_payload()) {
  FakeHost host;
  auto written = write_package(std::move(manifest), std::move(payload), key, path, host.reporter, host.stop);
  REQUIRE(written);
  return std::move(*written);
}

// Says that a test ends here, as the machine lacks something.
inline void skipped(const char* why) { std::printf("skipped: %s\n", why); }

inline std::string bytes_of(const std::filesystem::path& path) { return read_text_file(path).value(); }

// "kind code: what | where | because | because"
inline std::string message_of(const Error& error) {
  std::string text = std::string(info(error.kind).name) + " " + error.code + ": " + error.what;
  if (!error.where.empty()) text += " | " + error.where;
  for (const std::string& reason : error.why) text += " | " + reason;
  return text;
}

}  // namespace modelctl::package::test
