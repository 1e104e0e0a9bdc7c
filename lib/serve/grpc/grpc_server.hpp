// The gRPC front end: the Open Inference Protocol, version 2, health and reflection on a listener of its own. gRPC's
// headers, which take long to compile, stay in this folder.
#pragma once

#include "serve/front_end.hpp"

namespace modelctl::serve {

// Listens on the setting `grpc`, with the certificate of HTTPS if there is one.
Result<std::unique_ptr<FrontEnd>> start_grpc(Service& service);

}  // namespace modelctl::serve
