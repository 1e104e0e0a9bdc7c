// What a request asks of its response whatever the route is: its coding, and who may read it. Kept apart from the
// request, which is dropped when it is decoded.
#pragma once

#include "serve/http/http.hpp"
#include "serve/settings.hpp"

namespace modelctl::serve {

class ResponseOptions {
 public:
  ResponseOptions(const ClientRequest& request, const Settings& settings);

  const std::string& origin() const { return origin_; }
  void compress(ServerResponse& response) const;
  void allow(ServerResponse& response) const;  // the origin to read it

 private:
  std::string accept_encoding_;
  std::string origin_;  // that may read the response; empty: none is named
};

}  // namespace modelctl::serve
