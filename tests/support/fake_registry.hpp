// An OCI registry in memory, as much of one as pushing and pulling need. `fault` sees every request first and may
// answer in its place.
#pragma once

#include "base/digest.hpp"
#include "support/http_server.hpp"

namespace modelctl::test {

class FakeRegistry {
 public:
  explicit FakeRegistry(const std::filesystem::path& certificate = {}, const std::filesystem::path& key = {})
      : server_([this](const ServedRequest& request) { return answer(request); }, certificate, key) {}

  std::map<std::string, std::string> blobs;      // digest -> content
  std::map<std::string, std::string> manifests;  // "team/digits:1.2" and by digest
  std::map<std::string, std::string> uploads;    // id -> what has come
  std::function<std::optional<ServedResponse>(const ServedRequest&)> fault;

  const HttpServer& server() const { return server_; }
  std::string reference(const std::string& name) const { return server_.authority() + "/" + name; }
  std::size_t count(const std::string& method) const {
    std::size_t n = 0;
    for (const ServedRequest& request : server_.requests()) n += request.method == method;
    return n;
  }

  static ServedResponse error(int status, const std::string& code, const std::string& message) {
    return {.status = status,
            .headers = {{"Content-Type", "application/json"}},
            .body = R"({"errors":[{"code":")" + code + R"(","message":")" + message + R"("}]})"};
  }

 private:
  static std::string digest_of(const std::string& text) { return Sha256::of(as_bytes(text)).text(); }

  ServedResponse content(const ServedRequest& request, const std::string& text) {
    ServedResponse response{.headers = {{"Docker-Content-Digest", digest_of(text)}}, .body = text};
    std::string range = request.header("range");
    if (range.starts_with("bytes=")) {
      std::size_t from = std::strtoull(range.c_str() + 6, nullptr, 10);
      response.status = 206;
      response.body = text.substr(from);
      response.headers = {{"Content-Range", "bytes " + std::to_string(from) + "-" + std::to_string(text.size() - 1) +
                                                "/" + std::to_string(text.size())}};
    }
    return response;
  }

  ServedResponse answer(const ServedRequest& request) {
    if (fault) {
      if (auto answer = fault(request)) return *answer;
    }
    if (request.path == "/v2/") return {};
    std::size_t at = request.path.find("/blobs/uploads/");
    if (at != std::string::npos) return upload(request, request.path.substr(at + 15));
    if (at = request.path.find("/blobs/"); at != std::string::npos) {
      auto found = blobs.find(request.path.substr(at + 7));
      return found == blobs.end() ? error(404, "BLOB_UNKNOWN", "blob unknown") : content(request, found->second);
    }
    at = request.path.find("/manifests/");
    if (at == std::string::npos || at < 4) return error(404, "NAME_UNKNOWN", "no such thing");
    std::string key = request.path.substr(4, at - 4) + ":" + request.path.substr(at + 11);
    if (request.method != "PUT") {
      auto found = manifests.find(key);
      return found == manifests.end() ? error(404, "MANIFEST_UNKNOWN", "manifest unknown")
                                      : content(request, found->second);
    }
    manifests[key] = request.body;
    manifests[request.path.substr(4, at - 4) + ":" + digest_of(request.body)] = request.body;
    return {.status = 201, .headers = {{"Docker-Content-Digest", digest_of(request.body)}}};
  }

  ServedResponse upload(const ServedRequest& request, std::string id) {
    std::string base = request.path.substr(0, request.path.size() - id.size());
    if (request.method == "POST") {
      id = std::to_string(++last_upload_);
      uploads[id] = "";
      return {.status = 202, .headers = {{"Location", base + id + "?state=a"}}};
    }
    if (!uploads.contains(id)) return error(404, "BLOB_UPLOAD_UNKNOWN", "upload unknown");
    std::string& text = uploads[id];
    auto where = [&](int status) {
      ServedResponse response{.status = status, .headers = {{"Location", base + id + "?state=b"}}};
      response.headers.emplace_back("Range", "0-" + std::to_string(text.empty() ? 0 : text.size() - 1));
      return response;
    };
    if (request.method == "GET") return where(204);
    if (request.method == "PATCH") {
      std::string range = request.header("content-range");
      if (std::strtoull(range.c_str(), nullptr, 10) != text.size()) return where(416);
      text += request.body;
      return where(202);
    }
    text += request.body;
    std::string digest = request.query.substr(request.query.find("digest=") + 7);
    std::string whole = std::move(text);
    uploads.erase(id);
    if (digest_of(whole) != digest)
      return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content");
    blobs[digest] = whole;
    return {.status = 201, .headers = {{"Docker-Content-Digest", digest}}};
  }

  int last_upload_ = 0;
  HttpServer server_;
};

}  // namespace modelctl::test
