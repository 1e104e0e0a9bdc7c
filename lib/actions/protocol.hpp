// The interface of a protocol by which `predict` asks a server. Each is one file in actions/protocols; the values of
// --protocol, their help and completion derive from the table.
#pragma once

#include "actions/predict.hpp"

#include <span>
#include <string_view>

namespace modelctl::actions {

struct ProtocolContext {
  const PredictRequest& request;
  const formats::ReadOptions& reading;  // of the input files
  Host& host;
};

struct ProtocolDef {
  std::string_view name;     // "v2", the value of --protocol
  std::string_view summary;  // a few words for help
  // What URLs begin with that no other protocol takes: "grpc://".
  std::span<const std::string_view> schemes;
  // Everything but writing the outputs to files.
  Result<PredictReport> (*predict)(const ProtocolContext& context);
};

// All protocols, one file each (generated table): each actions/protocols/<stem>.cpp defines
// std::span<const ProtocolDef> <stem>_protocol().
std::span<const ProtocolDef* const> protocols();

// A server's description of a model, and its responses, are bounded: it is not trusted.
inline constexpr std::uint64_t description_limit = 16 << 20;
inline constexpr std::uint64_t response_limit = std::uint64_t{1} << 32;

// The error of a response that makes no sense.
Error bad_response(std::string where, std::string reason);

// The models of a server that several protocols let it list: the one that is ready, or the error that asks to name one.
// `example` is a URL that does.
Result<std::string> only_model(std::span<const std::string> ready, std::string where, std::string_view example);

class Stopwatch {
 public:
  explicit Stopwatch(Clock& clock) : clock_(clock) {}
  double seconds() const { return std::chrono::duration<double>(clock_.steady() - start_).count(); }

 private:
  Clock& clock_;
  std::chrono::steady_clock::time_point start_ = clock_.steady();
};

}  // namespace modelctl::actions
