// The token without which nobody loads, unloads or routes models through the public listener.
#pragma once

#include "serve/http/http.hpp"

#include "base/result.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace modelctl::serve {

// The token in a file, without the white space around it. Refuses a short one, which could be guessed.
Result<std::string> read_admin_token(const std::filesystem::path& path);

// Why a request that needs the token is refused; nothing if it has it ("Authorization: Bearer TOKEN"). An empty token
// means that the server was started without one.
struct TokenRefusal {
  int status;  // of HTTP
  std::string_view message;
};
std::optional<TokenRefusal> check_admin_token(std::string_view authorization, const std::string& token);
std::optional<ServerResponse> refuse_without_token(const ClientRequest& request, const std::string& token);

}  // namespace modelctl::serve
