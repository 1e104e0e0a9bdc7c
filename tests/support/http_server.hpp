// A small HTTP server in the test's own process, on a fresh port of this machine. It responds as the test defines, and
// can cut, delay or falsify a response.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace modelctl::test {

struct ServedRequest {
  std::string method, path, query;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  std::string header(const std::string& name) const {
    auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

struct ServedResponse {
  int status = 200;  // 0: close without an answer
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::optional<std::size_t> cut_after;         // send so many bytes of the body, then close
  std::chrono::milliseconds stall{0};           // before the response; ends early when the server is destroyed
  std::chrono::milliseconds pause_per_byte{0};  // of the body, which is then sent byte by byte
};

class HttpServer {
 public:
  using Handler = std::function<ServedResponse(const ServedRequest&)>;
  // The handler runs on the server's threads, one request at a time. With `certificate` and `key` it speaks TLS.
  explicit HttpServer(Handler handler, const std::filesystem::path& certificate = {},
                      const std::filesystem::path& key = {});
  ~HttpServer();

  int port() const;
  std::string authority() const { return "localhost:" + std::to_string(port()); }
  std::string url(const std::string& path) const;
  std::vector<ServedRequest> requests() const;
  int connections() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace modelctl::test
