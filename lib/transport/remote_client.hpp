// The HTTP client of one registry or web host, as one account: for reading or for writing, which the scope says.
#pragma once

#include "transport/registry_authorizer.hpp"

namespace modelctl::transport {

// What an action gives to the transports.
struct Context {
  Host& host;
  http::Options http;
  std::vector<std::string> auth_hosts;  // token services of other domains that may get a registry's credentials
  std::uint64_t chunk_size = 64 << 20;  // blobs larger than this are uploaded in pieces of it
};

// An HTTP client whose credentials belong to one origin. A redirect to another origin (a content delivery network, an
// object store) goes without them.
class RemoteClient : public http::Client {
 public:
  RemoteClient(Context& context, http::Url origin, std::string repository, std::string scope);

  // Uses these credentials instead of looking for some.
  void present(Credentials credentials) { authorizer_->present(std::move(credentials)); }
  // Whether the host has asked for credentials.
  bool asked_for_credentials() const { return authorizer_->asked(); }

  const Context& context() const { return context_; }
  const http::Url& origin() const { return origin_; }

 private:
  const Context& context_;
  http::Url origin_;
  RegistryAuthorizer* authorizer_;  // owned by the base
};

}  // namespace modelctl::transport
