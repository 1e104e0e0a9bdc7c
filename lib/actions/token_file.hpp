// The bearer token with which a client proves to a server who it is, from a file.
#pragma once

#include "http/authorizer.hpp"

#include <filesystem>
#include <memory>

namespace modelctl::actions {

// The token in the file, without the white space around it: visible ASCII characters. It is in no message.
Result<std::string> read_token(const std::filesystem::path& path);

// Sends the token in the file to the server of this URL and to no other.
Result<std::unique_ptr<http::Authorizer>> token_from_file(const std::filesystem::path& path, const http::Url& server);

}  // namespace modelctl::actions
