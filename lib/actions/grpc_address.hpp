// Where a gRPC server of the Open Inference Protocol is, and which of its models is meant, from what a user writes.
#pragma once

#include "base/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace modelctl::actions {

struct GrpcAddress {
  std::string shown;                 // for messages: "grpcs://models.example", "unix:/run/modelctl.sock"
  std::vector<std::string> targets;  // names of gRPC's to try in turn: "dns:///models.example:443"
  std::string authority;             // of the requests: "models.example:443"
  bool tls = false;
  bool on_this_machine = false;  // no other machine is on the way
  std::string model, version;    // empty: not named
};

// Takes grpc://HOST:PORT and HOST:PORT (without TLS), grpcs://HOST[:PORT], http://HOST[:PORT] and https://HOST[:PORT]
// with the same meanings, and unix:PATH; after each may come /v2/models/NAME[/versions/VERSION].
Result<GrpcAddress> parse_grpc_address(std::string_view url);

}  // namespace modelctl::actions
