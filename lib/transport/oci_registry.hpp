// An OCI registry over HTTP (OCI distribution specification 1.1): one repository, for reading or for writing. The two
// are different objects because they need tokens of different scopes: a reader must not hold a token that can push.
#pragma once

#include "transport/oci_package.hpp"
#include "transport/reference.hpp"
#include "transport/remote_client.hpp"

namespace modelctl::transport {

// The base URL of a registry: https, or, on this machine, plain http if it does not support TLS. "docker.io" is only a
// name: its registry is registry-1.docker.io.
Result<http::Url> registry_origin(const std::string& host, Context& context);

class Repository {
 public:
  enum class Access { pull, push };
  static Result<Repository> open(const Name& name, Access access, Context& context);

  struct Fetched {
    std::string text;
    Digest digest;
  };
  // The manifest of a tag or digest. Its digest is checked against the request and against the registry's own
  // statement.
  Result<Fetched> manifest(const std::string& tag_or_digest);
  // The bytes [from, size) of a blob. They are not checked: pull.hpp hashes the entry as a whole.
  Result<void> blob(const Digest& digest, std::uint64_t from, std::uint64_t size, const http::Client::Sink& sink);
  Result<std::vector<std::string>> tags();

  using Progress = std::function<void(std::uint64_t sent)>;
  // Returns false if it was there already.
  Result<bool> push_blob(const Blob& blob, const Progress& progress);
  Result<void> push_manifest(const std::string& tag, const OciPackage& package);

  const Name& name() const { return name_; }

 private:
  Repository(Name name, std::unique_ptr<RemoteClient> client) : name_(std::move(name)), client_(std::move(client)) {}
  http::Url url(const std::string& below) const;

  Name name_;
  std::unique_ptr<RemoteClient> client_;
};

// The repositories that a registry lists.
Result<std::vector<std::string>> catalog(const std::string& host, Context& context);

// The parts of a paged list, followed through Link headers: the strings in the array `key` of each page.
Result<std::vector<std::string>> paged(RemoteClient& client, http::Url first, const char* key, const std::string& what);

// One blob's way into a repository: POST, then PUT, or PATCH by PATCH; survives broken connections within the run.
// `uploads` is the URL that uploads begin at.
Result<void> upload_blob(RemoteClient& client, const http::Url& uploads, const Blob& blob,
                         const Repository::Progress& progress);

}  // namespace modelctl::transport
