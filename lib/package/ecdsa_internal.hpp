// ECDSA over P-256 with the nonce of RFC 6979, so that the same key and message give the same signature. OpenSSL can do
// so itself from 3.2 on; this is for 3.0, and is removed together with the support for 3.0.
//
// If (r, s) is a valid signature then so is (r, n - s), n being the order of the group: whoever sees one can compute
// the other without the key (SEC 1 section 4.1, Bitcoin's BIP 62). A package whose signature has two valid spellings
// has two digests, so only the smaller s is written and accepted ("low-s").
#pragma once

#include "base/digest.hpp"

#include <openssl/bn.h>

namespace modelctl::package {

// The DER signature of a SHA-256 digest under the private scalar `key`, with s at most n/2. Empty if OpenSSL fails. The
// caller verifies the result before it is used: a computation that was disturbed can give a signature that reveals the
// key.
std::vector<std::byte> ecdsa_sign_p256(const BIGNUM* key, const Digest& digest);

// Whether the bytes are a signature in the only form that is accepted: strict DER without anything behind it,
// 1 <= r < n and 1 <= s <= n/2. It need not be valid for any key.
bool is_canonical_p256(ByteSpan signature);

}  // namespace modelctl::package
