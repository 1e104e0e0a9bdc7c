// The token is in no message: of a refusal the server's own words are shown.
#include "actions/token_file.hpp"

#include "base/core_dumps.hpp"
#include "base/files.hpp"

#include <fmt/core.h>

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

Result<std::unique_ptr<http::Authorizer>> token_from_file(const std::filesystem::path& path, const http::Url& server) {
  forbid_core_dumps();
  constexpr std::uint64_t limit = 64 << 10;
  constexpr const char* white = " \t\r\n";
  std::string text = TRY(read_text_file(path, limit));
  std::size_t first = std::min(text.find_first_not_of(white), text.size());
  std::string token = text.substr(first, text.find_last_not_of(white) + 1 - first);
  if (token.empty() || token.find_first_of(white) != std::string::npos) {
    return Error(Kind::bad_config, "bad-token-file", fmt::format("cannot use '{}' as a token", path.string()))
        .at(path.string())
        .because("it is empty, or has white space within");
  }
  return std::make_unique<TokenOfFile>(std::move(token), path, server);
}

}  // namespace modelctl::actions
