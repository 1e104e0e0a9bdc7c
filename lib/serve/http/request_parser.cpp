// The rules that Beast's parser leaves to the server, and the parser alone, without connections, for the fuzz target.
#include "serve/http/request_parser.hpp"

#include "serve/dialect.hpp"
#include "serve/server.hpp"

#include <fmt/core.h>

#include <future>

namespace modelctl::serve {

std::size_t RequestParser::parse(std::string_view bytes, Until until, beast::error_code& code) {
  parser_.eager(until == Until::end);
  std::size_t used = 0;
  code = {};
  if (!begun_) used = skip_empty_lines(bytes);
  if (!begun_) code = http::error::need_more;
  while (!code && !(until == Until::end ? parser_.is_done() : parser_.is_header_done())) {
    // Within a body the parser does not ask for more.
    if (used == bytes.size()) code = http::error::need_more;
    else used += parser_.put(net::const_buffer(bytes.data() + used, bytes.size() - used), code);
  }
  return used;
}

// Old clients send one after a body. A few are skipped, and part of one is left until there is more.
std::size_t RequestParser::skip_empty_lines(std::string_view bytes) {
  constexpr std::size_t most = 4;
  std::size_t used = 0;
  for (; empty_lines_ < most && bytes.substr(used).starts_with("\r\n"); ++empty_lines_) used += 2;
  begun_ = used < bytes.size() && bytes.substr(used) != "\r";
  return used;
}

Target target_of(std::string_view target) {
  bool absolute = false;
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!beast::iequals(target.substr(0, scheme.size()), scheme)) continue;
    target.remove_prefix(std::min(target.find_first_of("/?", scheme.size()), target.size()));
    absolute = true;
  }
  std::size_t question = std::min(target.find('?'), target.size());
  Target parts{target.substr(0, question), target.substr(std::min(question + 1, target.size()))};
  if (absolute && parts.path.empty()) parts.path = "/";
  return parts;
}

ClientRequest plain(http::request<BudgetedBody>&& request) {
  ClientRequest result;
  result.method = std::string(request.method_string());
  auto [path, query] = target_of({request.target().data(), request.target().size()});
  result.path = path;
  result.query = query;
  for (const auto& field : request) {
    std::string name(field.name_string());
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    result.headers.emplace(std::move(name), std::string(field.value()));
  }
  result.body = std::move(request.body().text);
  return result;
}

ServerResponse busy(std::string_view why) {
  ServerResponse response = error_response(503, why);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

ServerResponse no_memory_for_body() { return busy("the bodies of other requests take up the memory for bodies"); }

std::optional<ServerResponse> refusal(beast::error_code code, bool timed_out, const Settings& settings) {
  if (timed_out) {
    return error_response(
        408, fmt::format("the request did not arrive within {} ms", milliseconds(settings.read_timeout).count()));
  }
  if (code == http::error::body_limit) {
    return error_response(413, fmt::format("the body is larger than the {} bytes that are allowed", settings.max_body));
  }
  if (code == http::error::header_limit) {
    return error_response(431, fmt::format("the headers are larger than the {} bytes that are allowed", header_bytes));
  }
  if (code == http::error::buffer_overflow) {
    return error_response(
        431,
        fmt::format("a chunk's header or the trailers are larger than the {} bytes that are allowed", buffer_bytes));
  }
  if (code == net::error::no_memory) return no_memory_for_body();
  bool ours = code.category() == http::make_error_code(http::error::end_of_stream).category();
  if (!ours || code == http::error::end_of_stream || code == http::error::partial_message) return std::nullopt;
  return error_response(400, fmt::format("this is not an HTTP request: {}", code.message()));
}

std::optional<ServerResponse> ambiguity(const http::fields& fields, unsigned version) {
  std::size_t hosts = fields.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && version == 11)) return error_response(400, "the request must have one 'Host'");
  if (fields.count(http::field::content_encoding) > 1)
    return error_response(415, "a body with more than one 'Content-Encoding' is not understood");
  auto coding = fields.find(http::field::transfer_encoding);
  if (coding != fields.end() && version < 11) return error_response(400, "HTTP/1.0 does not have 'Transfer-Encoding'");
  if (coding == fields.end() ||
      (fields.count(http::field::transfer_encoding) == 1 && beast::iequals(coding->value(), "chunked")))
    return std::nullopt;
  return error_response(400, "the only 'Transfer-Encoding' that is understood is 'chunked'");
}

std::vector<ServerResponse> answer_bytes(std::string_view bytes, Service& service) {
  const Settings& settings = service.settings();
  std::vector<ServerResponse> responses;
  while (!bytes.empty()) {
    RequestParser parser(settings, nullptr);
    beast::error_code code;
    do {  // as a connection's buffer shows them to the parser
      std::string_view window = bytes.substr(0, buffer_bytes);
      std::size_t used = parser.parse(window, RequestParser::Until::end, code);
      bytes.remove_prefix(used);
      if (code != http::error::need_more || used > 0) continue;
      code = window.size() == buffer_bytes ? http::error::buffer_overflow : http::error::end_of_stream;
    } while (code == http::error::need_more);
    if (code) {
      if (auto response = refusal(code, false, settings)) responses.push_back(std::move(*response));
      break;
    }
    auto message = parser->release();
    if (auto refused = ambiguity(message, message.version())) {
      responses.push_back(std::move(*refused));
      break;
    }
    bool keep_alive = message.keep_alive();
    ClientRequest request = plain(std::move(message));
    Match matched = match(request.method, request.path, settings);
    std::promise<ServerResponse> response;
    handle(std::move(request), std::move(matched), service,
           [&](ServerResponse given) { response.set_value(std::move(given)); });
    responses.push_back(response.get_future().get());
    if (!keep_alive) break;
  }
  return responses;
}

}  // namespace modelctl::serve
