// Text forms of digests and base64. Hashing is in sha256.cpp, which the runners link without the rest of OpenSSL.
#include "base/digest.hpp"

#include <openssl/evp.h>

namespace modelctl {

std::string to_hex(std::span<const std::uint8_t> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

std::string Digest::hex() const { return to_hex(bytes); }

Result<Digest> Digest::parse_hex(std::string_view text) {
  auto nibble = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; };
  Digest digest;
  bool good = text.size() == 64;
  for (std::size_t i = 0; good && i < 32; ++i) {
    int high = nibble(text[2 * i]), low = nibble(text[2 * i + 1]);
    good = high >= 0 && low >= 0;
    digest.bytes[i] = static_cast<std::uint8_t>(high << 4 | (low & 15));
  }
  if (!good) {
    return Error(Kind::bad_input, "bad-digest", "'" + std::string(text.substr(0, 100)) + "' is not a SHA-256 digest")
        .help("a digest is 64 lower-case hexadecimal digits");
  }
  return digest;
}

Result<Digest> Digest::parse(std::string_view text) {
  constexpr std::string_view prefix = "sha256:";
  if (!text.starts_with(prefix)) {
    return Error(Kind::bad_input, "bad-digest", "'" + std::string(text.substr(0, 100)) + "' is not a SHA-256 digest")
        .help("a digest reads 'sha256:' and 64 lower-case hexadecimal digits");
  }
  return parse_hex(text.substr(prefix.size()));
}

std::string to_base64(ByteSpan bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                             reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

Result<std::vector<std::byte>> from_base64(std::string_view text) {
  Error bad(Kind::bad_input, "bad-base64", "the text is not base64");
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
  // EVP_DecodeBlock strips white space, which a signed document must not have: only the alphabet passes.
  for (char c : text.substr(0, text.size() - padding)) {
    bool alphabet = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    if (!alphabet) return bad;
  }
  if (text.size() % 4 != 0 || text.size() > (1u << 30)) return bad;
  std::vector<std::byte> bytes(text.size() / 4 * 3);
  int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                             reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return bad;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

}  // namespace modelctl
