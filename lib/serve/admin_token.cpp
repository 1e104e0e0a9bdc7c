// Compared in constant time: how long a refusal takes must not show how much of a guess is right.
#include "serve/admin_token.hpp"

#include "base/files.hpp"

#include <fmt/core.h>
#include <openssl/crypto.h>

namespace modelctl::serve {
namespace {

constexpr std::size_t least_length = 16;

}  // namespace

Result<std::string> read_admin_token(const std::filesystem::path& path) {
  std::string text = TRY(read_text_file(path));
  constexpr const char* white = " \t\r\n";
  std::size_t first = text.find_first_not_of(white);
  std::string token = first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(white) + 1 - first);
  if (token.size() >= least_length && token.find_first_of(white) == std::string::npos) return token;
  return Error(Kind::bad_config, "bad-admin-token", fmt::format("cannot use '{}' as the admin token", path.string()))
      .at(path.string())
      .because(fmt::format("a token has {} characters or more, and no white space", least_length))
      .help("make one with: openssl rand -hex 32");
}

std::optional<TokenRefusal> check_admin_token(std::string_view given, const std::string& token) {
  if (token.empty()) return TokenRefusal{403, "this server has no admin token: start it with --admin-token FILE"};
  constexpr std::string_view scheme = "Bearer ";
  if (given.starts_with(scheme)) {
    given.remove_prefix(scheme.size());
    if (given.size() == token.size() && CRYPTO_memcmp(given.data(), token.data(), token.size()) == 0)
      return std::nullopt;
  }
  return TokenRefusal{401, "the request needs the server's admin token"};
}

std::optional<ServerResponse> refuse_without_token(const ClientRequest& request, const std::string& token) {
  auto refused = check_admin_token(request.header("authorization"), token);
  if (!refused) return std::nullopt;
  ServerResponse response = error_response(refused->status, refused->message);
  if (refused->status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace modelctl::serve
