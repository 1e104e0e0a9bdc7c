// ECDSA over P-256 with the deterministic nonce of RFC 6979. Decisions:
// docs/explanation/decisions/package-signature-nonce.md.
#include "package/ecdsa_internal.hpp"

#include "package/keys.hpp"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>

#include <algorithm>

namespace modelctl::package {
namespace {

using Block = std::array<std::uint8_t, 32>;  // SHA-256's output, and a scalar of P-256: both have 256 bits

struct Free {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
  void operator()(EC_GROUP* group) const { EC_GROUP_free(group); }
  void operator()(EC_POINT* point) const { EC_POINT_clear_free(point); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// BN_FLG_CONSTTIME selects the algorithms of OpenSSL whose time does not depend on the number, for inversion above all.
// The secure heap is used if the program has set one up, and the ordinary one otherwise.
Owned<BIGNUM> secret_number() {
  Owned<BIGNUM> number(BN_secure_new());
  if (number) BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  return number;
}

// The generator of RFC 6979 section 3.2, steps b to h: HMAC-DRBG seeded with the key and the message's digest. The
// order of P-256 has as many bits as SHA-256's output, so one block is a whole candidate and bits2int shifts nothing.
class Nonces {
 public:
  Nonces(const Block& key, const Block& message) {
    value_.fill(1);
    key_.fill(0);
    for (std::uint8_t round : {std::uint8_t{0}, std::uint8_t{1}}) {
      std::vector<std::uint8_t> seed(value_.begin(), value_.end());
      seed.push_back(round);
      seed.insert(seed.end(), key.begin(), key.end());
      seed.insert(seed.end(), message.begin(), message.end());
      key_ = mac(seed);
      value_ = mac(value_);
      OPENSSL_cleanse(seed.data(), seed.size());
    }
  }
  ~Nonces() {
    OPENSSL_cleanse(key_.data(), key_.size());
    OPENSSL_cleanse(value_.data(), value_.size());
  }
  const Block& next() { return value_ = mac(value_); }
  // Step h.3, after a candidate that could not be used: without it the next candidate would be another one than that of
  // every other implementation.
  void refuse() {
    Block value = value_;
    std::vector<std::uint8_t> seed(value.begin(), value.end());
    seed.push_back(0);
    key_ = mac(seed);
    value_ = mac(value_);
  }

 private:
  Block mac(std::span<const std::uint8_t> bytes) const {
    Block block{};
    HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), bytes.data(), bytes.size(), block.data(), nullptr);
    return block;
  }
  Block key_, value_;
};

std::vector<std::byte> to_der(const ECDSA_SIG* signature) {
  unsigned char* der = nullptr;
  int size = i2d_ECDSA_SIG(signature, &der);
  if (size <= 0) return {};
  auto* begin = reinterpret_cast<const std::byte*>(der);
  std::vector<std::byte> bytes(begin, begin + size);
  OPENSSL_free(der);
  return bytes;
}

}  // namespace

std::vector<std::byte> ecdsa_sign_p256(const BIGNUM* key, const Digest& digest) {
  Owned<EC_GROUP> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  Owned<BN_CTX> context(BN_CTX_secure_new());
  Owned<BIGNUM> r(BN_new()), s(BN_new()), z(BN_new()), x(BN_new());
  Owned<BIGNUM> nonce = secret_number(), mask = secret_number(), masked = secret_number(), sum = secret_number();
  if (!group || !context || !r || !s || !z || !x || !nonce || !mask || !masked || !sum) return {};
  Owned<EC_POINT> point(EC_POINT_new(group.get()));
  const BIGNUM* order = EC_GROUP_get0_order(group.get());
  Owned<BIGNUM> half(BN_new());
  Owned<ECDSA_SIG> signature(ECDSA_SIG_new());
  if (!half || !signature || !BN_rshift1(half.get(), order)) return {};

  // bits2octets of section 2.3.4: the digest reduced once by the order.
  Block key_bytes{}, message{};
  bool good = point && BN_bn2binpad(key, key_bytes.data(), 32) == 32 && BN_bin2bn(digest.bytes.data(), 32, z.get()) &&
              BN_nnmod(z.get(), z.get(), order, context.get()) && BN_bn2binpad(z.get(), message.data(), 32) == 32;
  Nonces nonces(key_bytes, message);
  OPENSSL_cleanse(key_bytes.data(), key_bytes.size());

  // A candidate is out of range with a probability of 2^-32 (n is that close to 2^256), and zero never in practice: 16
  // attempts end only if something is broken.
  for (int attempt = 0; good && attempt < 16; ++attempt, nonces.refuse()) {
    good = BN_bin2bn(nonces.next().data(), 32, nonce.get()) != nullptr;
    if (good && (BN_is_zero(nonce.get()) || BN_cmp(nonce.get(), order) >= 0)) continue;
    BN_CTX* c = context.get();
    // r is the x coordinate of nonce * G.
    good = good && EC_POINT_mul(group.get(), point.get(), nonce.get(), nullptr, nullptr, c) &&
           EC_POINT_get_affine_coordinates(group.get(), point.get(), x.get(), nullptr, c) &&
           BN_nnmod(r.get(), x.get(), order, c);
    if (good && BN_is_zero(r.get())) continue;
    // s = (z + r * key) / nonce, computed as mask * (z + r * key) / (mask * nonce) with a random mask: the time that
    // multiplication and inversion take then reveals nothing about the key and the nonce.
    good = good && BN_priv_rand_range(mask.get(), order) && !BN_is_zero(mask.get()) &&
           BN_mod_mul(masked.get(), mask.get(), key, order, c) &&
           BN_mod_mul(masked.get(), masked.get(), r.get(), order, c) &&
           BN_mod_mul(sum.get(), mask.get(), z.get(), order, c) &&
           BN_mod_add(sum.get(), sum.get(), masked.get(), order, c) &&
           BN_mod_mul(masked.get(), mask.get(), nonce.get(), order, c) &&
           BN_mod_inverse(masked.get(), masked.get(), order, c) &&
           BN_mod_mul(s.get(), sum.get(), masked.get(), order, c);
    if (good && BN_is_zero(s.get())) continue;
    // s is public from here on, so the comparison needs no constant time.
    if (good && BN_cmp(s.get(), half.get()) > 0) good = BN_sub(s.get(), order, s.get());
    if (!good || ECDSA_SIG_set0(signature.get(), r.release(), s.release()) != 1) return {};
    return to_der(signature.get());
  }
  return {};
}

bool is_canonical_p256(ByteSpan signature) {
  const auto* at = reinterpret_cast<const unsigned char*>(signature.data());
  // The bytes come from anybody: they are no longer than a signature can be before a parser of ASN.1 sees them.
  if (signature.size() > longest_signature(Algorithm::ecdsa_p256)) return false;
  Owned<ECDSA_SIG> read(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(signature.size())));
  Owned<EC_GROUP> group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  Owned<BIGNUM> half(BN_new());
  if (!read || !group || !half) return false;
  const BIGNUM* order = EC_GROUP_get0_order(group.get());
  if (!BN_rshift1(half.get(), order)) return false;
  const BIGNUM *r = ECDSA_SIG_get0_r(read.get()), *s = ECDSA_SIG_get0_s(read.get());
  bool in_range = !BN_is_negative(r) && !BN_is_zero(r) && BN_cmp(r, order) < 0 && !BN_is_negative(s) &&
                  !BN_is_zero(s) && BN_cmp(s, half.get()) <= 0;
  // OpenSSL reads BER too, and ignores what follows: only what it would write itself is DER.
  std::vector<std::byte> der = to_der(read.get());
  return in_range && std::equal(der.begin(), der.end(), signature.begin(), signature.end());
}

}  // namespace modelctl::package
