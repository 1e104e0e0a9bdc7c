// ECDSA over P-256 with the nonce of RFC 6979, so that the same key and message give the same signature. OpenSSL can do
// so itself from 3.2 on; this is for 3.0, and goes when 3.0 goes.
#pragma once

#include "base/digest.hpp"

#include <openssl/bn.h>

namespace modelctl::package {

// The DER signature of a SHA-256 digest under the private scalar `key`. Empty if OpenSSL fails.
std::vector<std::byte> ecdsa_sign_p256(const BIGNUM* key, const Digest& digest);

}  // namespace modelctl::package
