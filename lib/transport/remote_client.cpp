// Puts the client and its authorizer together.
#include "transport/remote_client.hpp"

namespace modelctl::transport {

RemoteClient::RemoteClient(Context& context, http::Url origin, std::string repository, std::string scope)
    : http::Client(context.http, context.host), context_(context), origin_(std::move(origin)) {
  auto authorizer = std::make_unique<RegistryAuthorizer>(
      *this, Account{origin_, std::move(repository), std::move(scope), context.auth_hosts});
  authorizer_ = authorizer.get();
  use(std::move(authorizer));
  secrets().add_query(origin_);
}

}  // namespace modelctl::transport
