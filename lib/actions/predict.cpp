// What all protocols share: which one it is, how files are read, and where the outputs go.
#include "actions/predict.hpp"

#include "actions/input_options.hpp"
#include "actions/protocol.hpp"
#include "http/url.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace modelctl::actions {

Error bad_response(std::string where, std::string reason) {
  return Error(Kind::protocol, "bad-response", "cannot use the server's response")
      .at(std::move(where))
      .because(std::move(reason));
}

Result<std::string> only_model(std::span<const std::string> ready, std::string where, std::string_view example) {
  if (ready.size() == 1) return ready[0];
  return Error(Kind::usage, "model-not-named",
               ready.empty() ? "the server has no model that is ready"
                             : fmt::format("the server has several models: {}", fmt::join(ready, ", ")))
      .at(std::move(where))
      .help(fmt::format("name one in the URL: {}", example));
}

Result<PredictReport> predict(const PredictRequest& request, Host& host) {
  const ProtocolDef* protocol = nullptr;
  for (const ProtocolDef* def : protocols()) {
    if (def->name == request.protocol) protocol = def;
  }
  if (protocol == nullptr)
    return Error(Kind::usage, "bad-option", fmt::format("there is no protocol '{}'", request.protocol));
  for (const ProtocolDef* other : protocols()) {
    bool its_own = std::any_of(other->schemes.begin(), other->schemes.end(),
                               [&](std::string_view scheme) { return request.url.starts_with(scheme); });
    if (other == protocol || !its_own) continue;
    return Error(Kind::usage, "wrong-protocol",
                 fmt::format("'{}' is not a URL for the protocol '{}'", http::redacted(request.url), protocol->name))
        .help(fmt::format("add --protocol {}", other->name));
  }
  formats::ReadOptions reading = input_options(request.header, {}, host);
  PredictReport report = TRY(protocol->predict({request, reading, host}));
  if (!request.output.empty()) report.written = TRY(formats::save_outputs(request.output, report.outputs));
  return report;
}

}  // namespace modelctl::actions
