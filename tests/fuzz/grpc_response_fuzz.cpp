// What a server of gRPC may send to a client; outputs that were read can be sent as inputs.
#include "base/check.hpp"
#include "serve/grpc/client_message.hpp"

using namespace modelctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view message(reinterpret_cast<const char*>(data), size);
  (void)serve::read_metadata_response(message);
  (void)serve::read_index_response(message);
  auto response = serve::read_infer_response(message);
  if (!response) return 0;
  MODELCTL_CHECK(serve::write_infer_request({}, response->outputs).has_value(), "what was read cannot be written");
  return 0;
}
