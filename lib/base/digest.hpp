// SHA-256 (FIPS 180-4), and the digest it gives.
#pragma once

#include "base/bytes.hpp"

#include <array>
#include <memory>

namespace modelctl {

// A SHA-256 digest; printed and parsed in OCI's form, "sha256:<64 hex digits>".
struct Digest {
  std::array<std::uint8_t, 32> bytes{};

  std::string hex() const;
  std::string text() const { return "sha256:" + hex(); }
  static Result<Digest> parse(std::string_view text);      // "sha256:<hex>"
  static Result<Digest> parse_hex(std::string_view text);  // "<hex>", lower case
  auto operator<=>(const Digest&) const = default;
};

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(ByteSpan bytes);
  // The digest of all bytes so far; the object is spent.
  Digest finish();
  static Digest of(ByteSpan bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string to_hex(std::span<const std::uint8_t> bytes);
std::string to_base64(ByteSpan bytes);                              // RFC 4648 section 4, padded
Result<std::vector<std::byte>> from_base64(std::string_view text);  // strict: no white space, padding required

}  // namespace modelctl
