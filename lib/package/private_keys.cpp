// Text is searched without its zero bytes, so that UTF-16 of either order reads as ASCII does. Parts of the file
// overlap by more than a marker and the beginning of its key take.
#include "package/private_keys.hpp"

#include "base/descriptor.hpp"
#include "base/files.hpp"

#include <fmt/core.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <memory>
#include <span>
#include <vector>

namespace modelctl::package {
namespace {

constexpr std::size_t part_size = 1u << 20;  // a file that is one key in DER lies in the first part
constexpr std::size_t reach = 8u << 10;      // how far the parts of one key lie from each other
constexpr std::size_t overlap = 2 * reach;

bool is_base64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}
bool is_base64url(char c) { return is_base64(c) || c == '-' || c == '_'; }
bool is_bech32(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// Whether the text starts with that many characters of a kind.
bool starts_with(std::string_view text, std::size_t count, bool (*is_one)(char)) {
  return text.size() >= count && std::ranges::all_of(text.substr(0, count), is_one);
}

// Whether found(before, after) holds for some place of the marker.
template <class F>
bool any(std::string_view text, std::string_view marker, F&& found) {
  for (std::size_t at = text.find(marker); at != text.npos; at = text.find(marker, at + 1)) {
    std::size_t end = at + marker.size();
    if (found(text.substr(at - std::min(at, reach), std::min(at, reach)), text.substr(end, reach))) return true;
  }
  return false;
}

// "-----BEGIN … PRIVATE KEY-----", or "… PRIVATE KEY BLOCK-----" of PGP. Line ends, in code and JSON as escapes, and
// headers may stand before the key.
bool has_pem(std::string_view text) {
  constexpr std::size_t longest_label = 64, longest_headers = 256, key = 32;
  return any(text, "PRIVATE KEY", [&](std::string_view before, std::string_view after) {
    std::size_t begin = before.rfind("-----BEGIN ");
    if (begin == before.npos || before.size() - begin > longest_label) return false;
    if (after.starts_with(" BLOCK")) after.remove_prefix(6);
    if (!after.starts_with("-----")) return false;
    after = after.substr(5, longest_headers + key);
    after = after.substr(0, after.find("-----"));
    for (std::size_t at = 0; at < after.size(); ++at)
      if (starts_with(after.substr(at), key, is_base64)) return true;
    return false;
  });
}

bool has_putty(std::string_view text) {
  return any(text, "PuTTY-User-Key-File-", [](std::string_view, std::string_view after) {
    return after.substr(1).starts_with(": ") && after.find("\nPrivate-Lines: ") != after.npos;
  });
}

bool has_age(std::string_view text) {
  return any(text, "AGE-SECRET-KEY-1",
             [](std::string_view, std::string_view after) { return starts_with(after, 50, is_bech32); });
}

// The members of the object stand in any order, and their quotes may be escaped.
bool has_jwk(std::string_view text) {
  auto has_private_part = [](std::string_view object) {
    return any(object, "\"d", [](std::string_view, std::string_view after) {
      if (!after.starts_with('"') && !after.starts_with("\\\"")) return false;
      std::size_t value = after.find_first_not_of("\\\": \t\r\n");
      return value != after.npos && after.substr(0, value).find(':') != after.npos &&
             starts_with(after.substr(value), 20, is_base64url);
    });
  };
  return any(text, "\"kty", [&](std::string_view before, std::string_view after) {
    return has_private_part(before) || has_private_part(after);
  });
}

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509_SIG* sealed) const { X509_SIG_free(sealed); }
  void operator()(PKCS12* store) const { PKCS12_free(store); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

// PKCS#8 or the older forms of one algorithm, as far as OpenSSL decodes them.
bool is_der_key(std::string_view file) {
  const auto* at = reinterpret_cast<const unsigned char*>(file.data());
  return Owned<EVP_PKEY>(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(file.size()))) != nullptr;
}

// PKCS#8 under a passphrase: the digest of a signature has the same structure, but no such algorithm.
bool is_sealed_der_key(std::string_view file) {
  const auto* at = reinterpret_cast<const unsigned char*>(file.data());
  Owned<X509_SIG> sealed(d2i_X509_SIG(nullptr, &at, static_cast<long>(file.size())));
  if (!sealed) return false;
  const X509_ALGOR* algorithm = nullptr;
  const ASN1_OBJECT* object = nullptr;
  X509_SIG_get0(sealed.get(), &algorithm, nullptr);
  X509_ALGOR_get0(&object, nullptr, nullptr, algorithm);
  return EVP_PBE_find(EVP_PBE_TYPE_OUTER, OBJ_obj2nid(object), nullptr, nullptr, nullptr) == 1;
}

bool is_pkcs12(std::string_view file) {
  const auto* at = reinterpret_cast<const unsigned char*>(file.data());
  return Owned<PKCS12>(d2i_PKCS12(nullptr, &at, static_cast<long>(file.size()))) != nullptr;
}

struct Form {
  std::string_view name;
  bool (*found)(std::string_view);
};
constexpr Form texts[] = {
    {"a private key in PEM", has_pem},
    {"a private key of PuTTY", has_putty},
    {"a secret key of age", has_age},
    {"a private JSON Web Key", has_jwk},
};
constexpr Form files[] = {
    {"a private key in DER", is_der_key},
    {"an encrypted private key in DER", is_sealed_der_key},
    {"a store of keys (PKCS#12)", is_pkcs12},
};

std::string_view found_by(std::span<const Form> forms, std::string_view text) {
  auto form = std::ranges::find_if(forms, [&](const Form& each) { return each.found(text); });
  return form == forms.end() ? std::string_view() : form->name;
}

}  // namespace

Result<std::string_view> private_key_in(const std::filesystem::path& file) {
  Descriptor in = TRY(open_file(file));
  std::vector<std::byte> part(part_size);
  std::string text;
  for (bool first = true;; first = false) {
    ssize_t got = read_some(in.number(), part);
    if (got < 0) return system_error(errno, fmt::format("cannot read '{}'", file.string()), file);
    if (got == 0) return std::string_view();
    std::string_view read = as_text({part.data(), static_cast<std::size_t>(got)});
    if (first && read.starts_with('\x30')) {
      std::string_view found = found_by(files, read);
      ERR_clear_error();
      if (!found.empty()) return found;
    }
    text.erase(0, text.size() - std::min(text.size(), overlap));
    std::ranges::remove_copy(read, std::back_inserter(text), '\0');
    if (std::string_view found = found_by(texts, text); !found.empty()) return found;
  }
}

Result<Content> content_without_key(const std::filesystem::path& file) {
  auto content = TRY(Content::of_file(file));
  std::string_view key = TRY(private_key_in(file));
  if (key.empty()) return content;
  return Error(Kind::bad_input, "private-key", fmt::format("cannot pack '{}': it has {}", file.string(), key))
      .because("whoever gets the package could use the key")
      .help("keep keys outside of folders that are packed");
}

}  // namespace modelctl::package
