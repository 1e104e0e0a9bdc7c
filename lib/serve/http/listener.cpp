// A name is resolved to its first address: one listener, one socket.
#include "serve/http/listener.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace modelctl::serve {

namespace net = boost::asio;
using boost::system::error_code;
using tcp = net::ip::tcp;

namespace {

struct Address {
  std::string host, port;
};

Error bad_address(const std::string& text, std::string_view flag) {
  return Error(Kind::usage, "bad-address", fmt::format("cannot listen on '{}'", text))
      .help(fmt::format("give {} as HOST:PORT, as in 127.0.0.1:8080", flag));
}

Result<Address> parse_address(const std::string& text, std::string_view flag) {
  std::size_t colon = std::min(text.rfind(':'), text.size());
  Address address{text.substr(0, colon), text.substr(std::min(colon + 1, text.size()))};
  if (address.host.size() >= 2 && address.host.front() == '[' && address.host.back() == ']')
    address.host = address.host.substr(1, address.host.size() - 2);
  std::uint16_t port = 0;
  const char* last = address.port.data() + address.port.size();
  auto [end, code] = std::from_chars(address.port.data(), last, port);
  if (colon == text.size() || address.port.empty() || code != std::errc() || end != last)
    return bad_address(text, flag);
  if (address.host.empty()) address.host = "0.0.0.0";
  return address;
}

Error cannot_listen(const std::string& text, std::string_view flag, const error_code& code) {
  if (code != net::error::address_in_use) return bad_address(text, flag).because(code.message());
  return Error(Kind::conflict, "address-in-use", fmt::format("cannot listen on '{}'", text))
      .because(code.message())
      .help(fmt::format("choose another port with {} HOST:PORT", flag));
}

}  // namespace

Result<std::string> listen_on(tcp::acceptor& acceptor, const std::string& text, std::string_view flag) {
  Address address = TRY(parse_address(text, flag));
  error_code code;
  tcp::resolver resolver(acceptor.get_executor());
  auto found = resolver.resolve(address.host, address.port, tcp::resolver::passive, code);
  if (code || found.empty()) return cannot_listen(text, flag, code);
  tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor.open(endpoint.protocol(), code);
  // A restart must not wait until the connections of the process before have left TIME_WAIT.
  if (!code) acceptor.set_option(net::socket_base::reuse_address(true), code);
  if (!code) acceptor.bind(endpoint, code);
  if (!code) acceptor.listen(net::socket_base::max_listen_connections, code);
  if (code) return cannot_listen(text, flag, code);
  return address.host;
}

}  // namespace modelctl::serve
