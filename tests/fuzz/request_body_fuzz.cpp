// The bodies of requests: every form of JSON, tables, NumPy's files and images, plain and compressed. The first byte
// selects the route and the headers.
#include "fuzz/twice.hpp"
#include "serve/dialect.hpp"

#include <future>

using namespace modelctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr const char* paths[] = {"/predict", "/invocations", "/score", "/v1/models/twice:predict",
                                   "/v1/models/twice:classify"};
  constexpr const char* types[] = {"", "text/csv", "application/x-ndjson", "application/x-npz"};
  constexpr const char* codings[] = {"", "gzip", "deflate", "zstd"};
  static serve::Service& service = fuzz::twice_service();
  if (size == 0) return 0;
  serve::ClientRequest request{"POST", paths[data[0] % 5]};
  request.headers = {{"content-type", types[data[0] / 5 % 4]}, {"content-encoding", codings[data[0] / 20 % 4]}};
  request.body.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::promise<serve::ServerResponse> response;
  auto match = serve::match(request.method, request.path, service.settings());
  serve::handle(request, match, service, [&](serve::ServerResponse given) { response.set_value(std::move(given)); });
  MODELCTL_CHECK(response.get_future().get().status < 500, "a caller's bytes are our fault");
  return 0;
}
