#include "transport/session.hpp"

#include "base/json.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <ctime>

namespace modelctl::transport {
namespace {

constexpr std::uint64_t error_body_limit = 64 << 10;
constexpr int redirect_limit = 10;
constexpr std::chrono::milliseconds first_wait{500};
constexpr std::chrono::seconds longest_wait{60};

bool may_pass(int status) { return status == 429 || status == 502 || status == 503 || status == 504; }
bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::string place_of(const HttpRequest& request, int status) {
  return fmt::format("{} {}: {}", request.method, redacted(request.url), status);
}

// The first words that a person can use in an error's body: OCI's JSON, or a line of plain text.
std::string words_in(std::string_view body, const std::optional<std::string>& type) {
  if (body.starts_with('{')) {
    auto json = parse_json(body, "");
    if (!json) return {};
    auto errors = json_array(*json, "errors", "");
    if (!errors || (*errors)->empty()) {
      for (const char* key : {"message", "error", "details"}) {
        if (auto text = json_string(*json, key, "")) return text->substr(0, 300);
      }
      return {};
    }
    std::string code = json_string((**errors)[0], "code", "").value_or("");
    std::string message = json_string((**errors)[0], "message", "").value_or("");
    return (code + (code.empty() || message.empty() ? "" : ": ") + message).substr(0, 300);
  }
  if (!type || !type->starts_with("text/plain")) return {};
  std::string line(body.substr(0, std::min<std::size_t>(body.find_first_of("\r\n"), 300)));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return line;
}

// Retry-After in seconds or as a date (RFC 9110, 10.2.3).
std::optional<std::chrono::seconds> retry_after(const HttpResponse& response, Clock& clock) {
  auto text = response.header("Retry-After");
  if (!text) return std::nullopt;
  long seconds = 0;
  auto [end, fault] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (fault == std::errc() && end == text->data() + text->size()) return std::chrono::seconds(std::max(0L, seconds));
  std::tm date{};
  if (::strptime(text->c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr) return std::nullopt;
  auto when = std::chrono::system_clock::from_time_t(::timegm(&date));
  return std::max(std::chrono::seconds(0), std::chrono::duration_cast<std::chrono::seconds>(when - clock.now()));
}

}  // namespace

Result<void> check_hop(const Url& from, const Url& to, std::string place) {
  auto refuse = [&](const char* code, const char* what) {
    return Error(Kind::denied, code, what)
        .at(std::move(place))
        .because(fmt::format("'{}' sends us to {}", from.authority(), redacted(to)));
  };
  if (from.scheme == "https" && to.scheme != "https") {
    return refuse("downgrade", "will not follow the server from https to plain http");
  }
  if (to.host != from.host && is_private_literal(to.host) && !is_private_literal(from.host)) {
    return refuse("redirect-inside", "will not follow the server into a private network");
  }
  return {};
}

Error http_error(const HttpRequest& request, HttpResponse& response, std::string what) {
  int status = response.status;
  Kind kind = Kind::protocol;
  std::string code = fmt::format("http-{}", status);
  std::string hint;
  if (status == 401 || status == 403) kind = Kind::denied;
  else if (status == 404 || status == 410) kind = Kind::not_found;
  else if (status == 408 || status == 429) kind = Kind::retry_later;
  else if (status == 409) kind = Kind::conflict;
  else if (status == 405 || status == 413 || status == 415 || status == 501) kind = Kind::unsupported;
  else if (status >= 500) kind = Kind::unavailable;
  if (status == 429) hint = "wait a while and run the command again";
  if (status == 413) hint = "the server or a proxy before it limits the size of requests: have that limit raised";
  auto body = response.text(error_body_limit);
  std::string words = body ? words_in(*body, response.header("Content-Type")) : "";
  Error error = Error(kind, std::move(code), std::move(what)).at(place_of(request, status));
  if (!words.empty()) error = Error(std::move(error)).because(fmt::format("the server says: {}", words));
  error.hint = std::move(hint);
  return error;
}

Session::Session(Context& context, Url origin, std::string repository, std::string scope)
    : context_(context),
      http_(context.http, context.host.environment, context.host.stop),
      origin_(std::move(origin)),
      repository_(std::move(repository)),
      scope_(std::move(scope)) {}

Result<void> Session::wait(int attempt, const HttpResponse* response) {
  std::array<std::byte, 2> random{};
  context_.host.random.fill(random);
  auto full = std::min<std::chrono::milliseconds>(first_wait * (1 << std::min(attempt - 1, 6)), longest_wait);
  // Half is fixed and half is chance, so that many clients of one server do not come back together.
  unsigned chance = static_cast<unsigned>(random[0]) << 8 | static_cast<unsigned>(random[1]);
  std::chrono::milliseconds time = full / 2 + full / 2 * chance / 65535;
  if (response != nullptr) {
    if (auto told = retry_after(*response, context_.host.clock)) time = std::min(*told, longest_wait);
  }
  if (!context_.host.clock.sleep(time) || context_.host.stop.stopped()) {
    return Error(Kind::interrupted, "interrupted", "the transfer was interrupted");
  }
  return {};
}

Result<HttpResponse> Session::send(HttpRequest request, Retry retry) {
  for (int attempt = 1;; ++attempt) {
    auto response = follow(request);
    bool again = response ? may_pass(response->status) : info(response.error().kind).may_retry;
    bool stopped = !response && response.error().kind == Kind::interrupted;
    // A name that does not resolve or a port that nobody listens on will not mend itself within seconds.
    bool hopeless = !response && (response.error().code == "unknown-host" || response.error().code == "cannot-connect");
    if (!again || stopped || hopeless || retry == Retry::no || attempt == attempts) return response;
    TRY(wait(attempt, response ? &*response : nullptr));
  }
}

Result<HttpResponse> Session::expect(HttpRequest request, std::initializer_list<int> wanted, const std::string& what,
                                     Retry retry) {
  auto response = send(request, retry);
  if (!response) return std::move(response).error().because(what);
  if (std::find(wanted.begin(), wanted.end(), response->status) != wanted.end()) return response;
  return http_error(request, *response, what);
}

Result<HttpResponse> Session::follow(HttpRequest request) {
  for (int redirects = 0;; ++redirects) {
    HttpResponse response = TRY(once(request));
    auto location = response.header("Location");
    bool reads = request.method == "GET" || request.method == "HEAD";
    if (!is_redirect(response.status) || !location) return response;
    if (!reads && response.status != 307 && response.status != 308) return response;
    Url next = TRY(resolve(request.url, *location));
    std::string place = place_of(request, response.status);
    TRY(check_hop(request.url, next, place));
    if (redirects == redirect_limit) {
      return Error(Kind::protocol, "redirect-loop",
                   fmt::format("'{}' redirects us more than {} times", origin_.authority(), redirect_limit))
          .at(std::move(place));
    }
    request.url = std::move(next);
  }
}

// One request with our credentials, and a second where the server asks for other ones.
Result<HttpResponse> Session::once(HttpRequest request) {
  if (!request.url.same_origin(origin_)) return http_.send(request);  // a stranger gets no credentials
  if (bearer_ && refresh_at_ && context_.host.clock.steady() >= *refresh_at_) TRY(fetch_token(*bearer_));
  for (bool answered = false;; answered = true) {
    HttpRequest signed_request = request;
    if (!authorization_.empty()) signed_request.headers.push_back({"Authorization", authorization_});
    HttpResponse response = TRY(http_.send(signed_request));
    if (response.status != 401) return response;
    if (answered || !TRY(answer_challenge(response, request))) return refused(request, response);
  }
}

void Session::present(Credentials credentials) {
  credentials_ = std::move(credentials);
  looked_ = true;
}

Result<void> Session::find_own_credentials() {
  if (looked_) return {};
  looked_ = true;
  credentials_ = TRY(find_credentials(account(), repository_, context_.host.environment, context_.host.processes));
  return {};
}

// Makes the Authorization that a 401 asks for; false where we have nothing (new) to offer.
Result<bool> Session::answer_challenge(const HttpResponse& response, const HttpRequest& request) {
  TRY(find_own_credentials());
  for (const std::string& header : response.headers_named("WWW-Authenticate")) {
    for (const Challenge& challenge : parse_challenges(header)) {
      if (challenge.scheme == "bearer" && challenge.values.contains("realm")) {
        bearer_ = challenge;
        TRY(fetch_token(challenge));
        return true;
      }
      if (challenge.scheme == "basic" && credentials_ && !credentials_->password.empty()) {
        std::string authorization = basic_authorization(credentials_->username, credentials_->password);
        if (authorization == authorization_) return false;
        if (request.url.scheme != "https" && !is_loopback(request.url.host) && !http_.options().plain_http)
          return false;
        authorization_ = std::move(authorization);
        return true;
      }
    }
  }
  return false;
}

Result<void> Session::fetch_token(const Challenge& challenge) {
  auto value = [&](const char* name) {
    auto found = challenge.values.find(name);
    return found == challenge.values.end() ? std::string() : found->second;
  };
  Url realm = TRY(Url::parse(value("realm")));
  TRY_BECAUSE(check_hop(origin_, realm, redacted(realm)), fmt::format("getting a token for '{}'", account()));
  std::vector<std::string> scopes = merged_scopes(scope_, value("scope"));
  std::string joined, form = "grant_type=refresh_token&client_id=modelctl&service=" + percent_encoded(value("service"));
  HttpRequest request;
  auto add = [&](const std::string& name, const std::string& text) {
    realm.query += (realm.query.empty() ? "" : "&") + name + "=" + percent_encoded(text);
  };
  for (const std::string& scope : scopes) joined += (joined.empty() ? "" : " ") + scope;
  if (credentials_ && !credentials_->identity_token.empty()) {
    form += "&refresh_token=" + percent_encoded(credentials_->identity_token) + "&scope=" + percent_encoded(joined);
    request.method = "POST";
    request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
    request.body = {as_bytes(form)};
  } else {
    if (!value("service").empty()) add("service", value("service"));
    for (const std::string& scope : scopes) add("scope", scope);
    if (credentials_) {
      add("account", credentials_->username);
      request.headers.push_back({"Authorization", basic_authorization(credentials_->username, credentials_->password)});
    }
  }
  request.url = realm;
  HttpResponse response = TRY_BECAUSE(http_.send(request), fmt::format("getting a token for '{}'", account()));
  if (response.status != 200) {
    if (response.status == 401 || response.status == 403) return refused(request, response);
    return http_error(request, response, fmt::format("cannot get a token for '{}'", account()));
  }
  std::string body = TRY(response.text(1 << 20));
  Token token = TRY(parse_token(body, redacted(request.url)));
  authorization_ = "Bearer " + token.value;
  refresh_at_ = context_.host.clock.steady() + token.lifetime * 4 / 5;
  return {};
}

Error Session::refused(const HttpRequest& request, HttpResponse& response) {
  std::string what = credentials_ ? fmt::format("'{}' refuses the credentials of '{}'", account(),
                                                credentials_->username.empty() ? "token" : credentials_->username)
                                  : fmt::format("'{}' wants credentials", account());
  Error error = http_error(request, response, std::move(what));
  error.code = "unauthorized";
  if (credentials_) error.why.insert(error.why.begin(), fmt::format("they come from {}", credentials_->source));
  error.hint = fmt::format("log in: modelctl login {}", account());
  return error;
}

Result<void> Session::download(const Url& url, std::uint64_t from, std::uint64_t size, const std::string& what,
                               const Sink& sink) {
  std::vector<std::byte> buffer(256 << 10);
  for (int attempt = 1; from < size;) {
    HttpRequest request;
    request.url = url;
    if (from > 0) request.headers.push_back({"Range", fmt::format("bytes={}-{}", from, size - 1)});
    HttpResponse response = TRY(expect(request, {200, 206}, what));
    std::uint64_t at = response.status == 206 ? from : 0;
    if (response.status == 206) {
      auto range = response.header("Content-Range");
      if (!range || !range->starts_with(fmt::format("bytes {}-", from))) {
        return Error(Kind::protocol, "bad-range", what)
            .at(place_of(request, response.status))
            .because(fmt::format("we asked for the bytes from {} and the server sends '{}'", from,
                                 range.value_or("no Content-Range")));
      }
    } else if (auto length = response.content_length(); length && *length != size) {
      return Error(Kind::untrusted, "wrong-size", what)
          .at(place_of(request, response.status))
          .because(fmt::format("the server has {} bytes where {} were signed", *length, size));
    }
    std::uint64_t before = from;
    while (from < size) {
      auto count = response.body->read(buffer);
      if (!count && info(count.error().kind).may_retry && count.error().kind != Kind::interrupted) {
        if (from > before) attempt = 1;  // what moves on may go on
        if (attempt == attempts) return std::move(count).error().because(what);
        TRY(wait(attempt++, nullptr));
        break;
      }
      if (!count) return std::move(count).error().because(what);
      if (*count == 0) {
        return Error(Kind::untrusted, "wrong-size", what)
            .at(place_of(request, response.status))
            .because(fmt::format("the server's answer ends after {} of {} bytes", from, size));
      }
      ByteSpan fresh(buffer.data(), *count);
      std::uint64_t known = std::min<std::uint64_t>(from - at, fresh.size());  // only where it began anew
      at += *count;
      fresh = fresh.subspan(known);
      fresh = fresh.first(std::min<std::uint64_t>(fresh.size(), size - from));
      if (fresh.empty()) continue;
      TRY(sink(fresh));
      from += fresh.size();
    }
  }
  return {};
}

}  // namespace modelctl::transport
