// The bytes of one connection, by TCP or a unix socket, with TLS or without it. One type with one type of handler,
// because Asio compiles its operations for each type of stream and handler: as templates, the connection was 1.5 MB of
// code.
#pragma once

#include "serve/tls_files.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <functional>
#include <memory>

namespace modelctl::serve {

// Handlers run on the executor of the socket. They keep what they need alive; the stream must outlive its operations.
class ByteStream {
 public:
  using Handler = std::function<void(boost::system::error_code, std::size_t)>;

  // Without an identity, the bytes are those of the socket.
  ByteStream(boost::asio::generic::stream_protocol::socket socket, const std::shared_ptr<const TlsIdentity>& identity);

  bool secure() const { return tls_ != nullptr; }
  boost::asio::any_io_executor executor() { return socket_.get_executor(); }
  boost::asio::generic::stream_protocol::socket& socket() { return socket_; }

  void handshake(Handler done);
  void read_some(boost::asio::mutable_buffer to, Handler done);
  void write_some(boost::asio::const_buffer from, Handler done);
  // What the socket takes without waiting, and no error: write_some() then finds it. With TLS nothing.
  std::size_t write_now(boost::asio::const_buffer from);
  // The end of TLS, which the other side confirms.
  void shutdown(Handler done);
  // Operations under way end with an error; the socket stays open.
  void cancel();

 private:
  boost::asio::generic::stream_protocol::socket socket_;
  std::unique_ptr<boost::asio::ssl::stream<boost::asio::generic::stream_protocol::socket&>> tls_;
};

}  // namespace modelctl::serve
