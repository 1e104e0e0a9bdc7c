#include "actions/push.hpp"

#include "transport/transport.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::actions {
namespace {

// Hashes every entry: what is damaged here must not be found out by those who pull it.
Result<void> check_content(const package::Package& package, Host& host) {
  constexpr std::size_t chunk = 1 << 20;
  const auto& entries = package.manifest().entries;
  std::uint64_t done = 0, total = package.manifest().payload_size();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    package::EntryCheck check(entries[i]);
    ByteSpan bytes = package.content(i);
    for (std::size_t at = 0; at < bytes.size(); at += chunk) {
      if (host.stop.stopped()) return Error(Kind::interrupted, "interrupted", "the push was interrupted");
      ByteSpan piece = bytes.subspan(at, std::min(chunk, bytes.size() - at));
      TRY(check.update(piece));
      done += piece.size();
      host.talk.progress("checking", done, total);
    }
    TRY(check.finish());
  }
  return {};
}

}  // namespace

Result<PushReport> push(const PushRequest& request, Host& host) {
  const transport::TransportDef* def = TRY(transport::transport_of(request.reference));
  transport::Context context{host, {.ca_file = request.remote.ca_file, .plain_http = request.remote.plain_http}};
  auto writer = TRY(def->open_writer(request.reference, context));
  auto package = TRY(package::Package::open(request.package));
  TRY_BECAUSE(check_content(package, host), fmt::format("nothing of '{}' was pushed", request.package.string()));
  transport::Pushed pushed = TRY(writer->push(package));
  return PushReport{std::move(pushed.reference), pushed.digest, package.digest(), package.manifest().name,
                    package.manifest().version,  pushed.sent,   pushed.skipped};
}

}  // namespace modelctl::actions
