// Finds private keys in files that are going to be signed and published: a key that left the machine is lost.
#pragma once

#include "package/writer.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace modelctl::package {

// What private key a file of any size has, such as "a private key in PEM"; empty if none was found. Found are, anywhere
// in the file, also indented, escaped as in JSON, or in UTF-16: PEM (RFC 7468) with the blocks of OpenSSH and PGP,
// PuTTY's files, identities of age, and JSON Web Keys with a private part (RFC 7517); and files up to 1 MiB that as a
// whole are a private key in DER, encrypted or not, or PKCS#12 (RFC 7292). A marker without a key, as in code and text
// about keys, is none. Not found is what is compressed, encoded once more in base64, or in an archive. The file is read
// once, in parts. Fails with not_found, denied or io.
Result<std::string_view> private_key_in(const std::filesystem::path& file);

// The content of a file that is going to be packed: the key that signs a project lies in its folder, too. Fails with
// bad_input, code private-key, if the file has one, and as private_key_in() does.
Result<Content> content_without_key(const std::filesystem::path& file);

}  // namespace modelctl::package
