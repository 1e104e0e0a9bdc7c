// Addresses to listen on, as the settings have them. Internal to the front ends.
#pragma once

#include "base/result.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <string_view>

namespace modelctl::serve {

// Binds the acceptor to HOST:PORT, [HOST]:PORT or :PORT, which means every address of the machine, and listens.
// Returns the host. `flag` is the setting that the address comes from, for messages.
Result<std::string> listen_on(boost::asio::ip::tcp::acceptor& acceptor, const std::string& address,
                              std::string_view flag);

}  // namespace modelctl::serve
