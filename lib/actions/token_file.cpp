// The token is in no message: of a refusal the server's own words are shown.
#include "actions/token_file.hpp"

#include "base/core_dumps.hpp"
#include "base/files.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::actions {
namespace {

class TokenOfFile final : public http::Authorizer {
 public:
  TokenOfFile(std::string token, std::filesystem::path path, http::Url server)
      : token_(std::move(token)), path_(std::move(path)), server_(std::move(server)) {}

  bool covers(const http::Url& url) const override { return url.same_origin(server_); }
  Result<void> authorize(http::HttpRequest& request) override {
    request.headers.push_back({"Authorization", "Bearer " + token_});
    return {};
  }
  Result<bool> challenged(const http::HttpRequest&, const http::HttpResponse&) override { return false; }
  Error refused(const http::HttpRequest& request, http::HttpResponse&) override {
    return Error(Kind::denied, "token-refused", fmt::format("the server refuses the token in '{}'", path_.string()))
        .at(http::redacted(request.url));
  }

 private:
  const std::string token_;
  const std::filesystem::path path_;
  const http::Url server_;
};

}  // namespace

Result<std::string> read_token(const std::filesystem::path& path) {
  forbid_core_dumps();
  constexpr std::uint64_t limit = 64 << 10;
  constexpr const char* white = " \t\r\n";
  std::string text = TRY(read_text_file(path, limit));
  std::size_t first = std::min(text.find_first_not_of(white), text.size());
  std::string token = text.substr(first, text.find_last_not_of(white) + 1 - first);
  if (token.empty() || !std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; })) {
    return Error(Kind::bad_config, "bad-token-file", fmt::format("cannot use '{}' as a token", path.string()))
        .at(path.string())
        .because("it is empty, or has characters within that are not visible ASCII");
  }
  return token;
}

Result<std::unique_ptr<http::Authorizer>> token_from_file(const std::filesystem::path& path, const http::Url& server) {
  return std::make_unique<TokenOfFile>(TRY(read_token(path)), path, server);
}

}  // namespace modelctl::actions
