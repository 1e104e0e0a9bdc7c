// Who had part in a response, for the access log.
#pragma once

#include <string>

namespace modelctl::serve {

struct Served {
  std::string token = {};                // the name of the client's
  std::string model = {}, version = {};  // of a prediction
  double queue_seconds = 0, compute_seconds = 0;
};

}  // namespace modelctl::serve
