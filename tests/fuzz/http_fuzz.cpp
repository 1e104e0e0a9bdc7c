// Requests to a server: HTTP's parser, the dialects, their readers of JSON and the inputs' checks.
#include "fuzz/twice.hpp"
#include "serve/server.hpp"

using namespace modelctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static serve::Service& service = fuzz::twice_service();
  for (const serve::ServerResponse& response :
       serve::answer_bytes({reinterpret_cast<const char*>(data), size}, service)) {
    // A header may ask for an answer in no time.
    bool late = response.body.find("within the time that it gives") != std::string::npos;
    MODELCTL_CHECK(response.status < 500 || late, "a caller's bytes are our fault");
    MODELCTL_CHECK(response.status < 400 || response.body.starts_with("{\"error\":"), "an error that says nothing");
  }
  return 0;
}
