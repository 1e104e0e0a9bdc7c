// release: signs the list of a release's files, and checks a release against the key that signed the one in use.
#pragma once

#include "actions/remote.hpp"
#include "package/release.hpp"

namespace modelctl::actions {

struct SignReleaseRequest {
  std::filesystem::path list;           // SHA256SUMS; the signature is written beside it
  std::filesystem::path key;            // a private key
  std::filesystem::path password_file;  // with the key's passphrase, in place of environment and prompt
};

struct SignReleaseReport {
  std::string version;
  std::filesystem::path signature;
  Digest signed_with;  // the key's fingerprint
};

Result<SignReleaseReport> sign_release(const SignReleaseRequest& request, Host& host);

struct CheckReleaseRequest {
  // A file of a release or its list, SHA256SUMS: a path or URL. The list and its signature are beside it.
  std::string release;
  package::TrustRequest trust;
  RemoteOptions remote;
};

struct CheckReleaseReport {
  std::string version;
  std::string file;  // the file that was checked; empty if only the list was
  package::Signer signer;
  bool newer = false;  // than this program
};

// Contacts nothing but the URL that is given, and stores nothing.
Result<CheckReleaseReport> check_release(const CheckReleaseRequest& request, Host& host);

}  // namespace modelctl::actions
