// The only code that knows which of the two kinds of stream it is.
#include "serve/http/byte_stream.hpp"

#include <new>
#include <utility>

namespace modelctl::serve {

namespace net = boost::asio;
using boost::system::error_code;

// The session refers to OpenSSL's part of the identity for as long as it lives.
ByteStream::ByteStream(net::generic::stream_protocol::socket socket, const std::shared_ptr<const TlsIdentity>& identity)
    : socket_(std::move(socket)) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  if (identity == nullptr) return;
  SSL* session = ::SSL_new(identity->context.get());
  if (session == nullptr) throw std::bad_alloc();
  tls_ = std::make_unique<net::ssl::stream<net::generic::stream_protocol::socket&>>(socket_, session);
}

void ByteStream::handshake(Handler done) {
  tls_->async_handshake(net::ssl::stream_base::server, [done = std::move(done)](error_code code) { done(code, 0); });
}

void ByteStream::read_some(net::mutable_buffer to, Handler done) {
  if (tls_ != nullptr) tls_->async_read_some(to, std::move(done));
  else socket_.async_read_some(to, std::move(done));
}

void ByteStream::write_some(net::const_buffer from, Handler done) {
  if (tls_ != nullptr) tls_->async_write_some(from, std::move(done));
  else socket_.async_write_some(from, std::move(done));
}

std::size_t ByteStream::write_now(net::const_buffer from) {
  error_code ignored;
  return tls_ != nullptr ? 0 : socket_.write_some(from, ignored);
}

void ByteStream::shutdown(Handler done) {
  tls_->async_shutdown([done = std::move(done)](error_code code) { done(code, 0); });
}

void ByteStream::cancel() {
  error_code ignored;
  socket_.cancel(ignored);
}

}  // namespace modelctl::serve
