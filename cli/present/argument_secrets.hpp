// Secrets that a user has put on the command line: the password of a URL, or the signature in its query. Any command
// may quote an argument in an error, also one that takes no URL, so they are cut out where errors are printed.
#pragma once

#include "http/secrets.hpp"

#include <span>
#include <string>

namespace modelctl::cli {

http::Secrets secrets_in(std::span<const std::string> arguments);

}  // namespace modelctl::cli
