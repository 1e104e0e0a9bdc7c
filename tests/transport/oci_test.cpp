// OCI registries, against a fake one that fails in every way that was seen of real ones.
#include "support.hpp"
#include "support/certificates.hpp"
#include "support/fake_registry.hpp"
#include "transport/credentials.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::transport;
using namespace modelctl::transport::test;
using modelctl::test::FakeRegistry;
using modelctl::test::HttpServer;
using modelctl::test::ServedRequest;
using modelctl::test::ServedResponse;

namespace {
constexpr const char* name = "team/digits:1.2";

// Answers `count` requests of that method and path in place of the registry.
auto fail_times(int count, std::string method, std::string part, ServedResponse response) {
  auto left = std::make_shared<int>(count);
  return [=](const ServedRequest& request) -> std::optional<ServedResponse> {
    bool meant = request.method == method && request.path.find(part) != std::string::npos;
    if (!meant || *left == 0) return std::nullopt;
    --*left;
    return response;
  };
}
std::string blob_of(const Shop& shop, const char* path) {
  return "/blobs/" + shop.written.manifest.find(path)->digest.text();
}
std::vector<package::Payload> large_payload() {
  std::string weights;
  for (unsigned i = 0; i < 300'000; ++i) weights += static_cast<char>(i * 2654435761u >> 13);
  return {{"model.weights", package::Role::weights, false, package::Content::of_bytes(weights)}};
}
}  // namespace

TEST_CASE("what is pushed to a registry is pulled as the same bytes") {
  Shop shop;
  FakeRegistry registry;
  auto pushed = shop.push(registry.reference(name));
  REQUIRE_MESSAGE(pushed, message_of(pushed));
  CHECK(pushed->reference == registry.reference(name) + "@" + pushed->digest->text());
  auto pulled = shop.pull(registry.reference(name));
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(bytes_of(shop.scratch / "pulled.tar") == bytes_of(shop.archive));
  CHECK(shop.pull(pushed->reference, "exact.tar"));
}

TEST_CASE("pushing again sends no body but the manifest") {
  Shop shop;
  FakeRegistry registry;
  REQUIRE(shop.push(registry.reference(name)));
  std::size_t posts = registry.count("POST");
  auto again = shop.push(registry.reference("team/digits:stable"));
  REQUIRE(again);
  CHECK(again->sent == 0);
  CHECK(registry.count("POST") == posts);
}

TEST_CASE("a name that another push takes during the upload is left to it") {
  Shop other(large_payload()), shop;
  FakeRegistry registry;
  REQUIRE(other.push(registry.reference(name)));
  auto theirs = std::exchange(registry.manifests, {});
  registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.method == "POST") registry.manifests = theirs;
    return std::nullopt;
  };
  auto refused = shop.push(registry.reference(name));
  REQUIRE(!refused);
  CHECK(refused.error().code == "already-pushed");
  CHECK(registry.manifests == theirs);
  auto forced = shop.push(registry.reference(name), true);
  CHECK_MESSAGE(forced, message_of(forced));
  CHECK(registry.manifests != theirs);
}

TEST_CASE("the manifest is put last, so no version ever means half a package") {
  Shop shop;
  FakeRegistry registry;
  registry.fault = fail_times(1, "POST", "/blobs/uploads/", FakeRegistry::error(403, "DENIED", "read only"));
  auto refused = shop.push(registry.reference(name));
  CHECK(message_of(refused) == "denied http-403: cannot push the blob " + Sha256::of(as_bytes("{}")).text() +
                                   " | POST " + registry.server().url("/v2/team/digits/blobs/uploads/") +
                                   ": 403 | cannot push to '" + registry.reference(name) +
                                   "' | the server says: DENIED: read only");
  CHECK(registry.manifests.empty());
}

TEST_CASE("401 without credentials explains how to log in") {
  Shop shop;
  FakeRegistry registry;
  registry.fault = fail_times(100, "HEAD", "", {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}});
  auto refused = shop.push(registry.reference(name));
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::denied);
  CHECK(refused.error().code == "unauthorized");
  CHECK(refused.error().what == "'" + registry.server().authority() + "' requires credentials");
  CHECK(refused.error().hint == "log in: modelctl login " + registry.server().authority() + " --username NAME");
}

TEST_CASE("credentials that are refused are named by user and place, never shown") {
  Shop shop;
  FakeRegistry registry;
  std::string host = registry.server().authority();
  REQUIRE(store_credentials(host, {"ci", "hunter2", "", ""}, shop.host.environment, shop.host.processes));
  registry.fault = fail_times(100, "HEAD", "", {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}});
  auto refused = shop.push(registry.reference(name));
  REQUIRE(!refused);
  CHECK(refused.error().what == "'" + host + "' refuses the credentials of 'ci'");
  CHECK(message_of(refused).find("hunter2") == std::string::npos);
  CHECK(message_of(refused).find(".docker/config.json") != std::string::npos);
}

TEST_CASE("404 is a package that is not there") {
  Shop shop;
  FakeRegistry registry;
  auto missing = shop.pull(registry.reference(name));
  REQUIRE(!missing);
  CHECK(message_of(missing) == "not_found no-such-package: there is no '" + registry.reference(name) + "' | GET " +
                                   registry.server().url("/v2/team/digits/manifests/1.2") + ": 404 | nothing of '" +
                                   registry.reference(name) +
                                   "' was used | the server says: MANIFEST_UNKNOWN: manifest unknown");
}

TEST_CASE("429 is waited for as long as the registry asks, then all goes well") {
  Shop shop;
  FakeRegistry registry;
  REQUIRE(shop.push(registry.reference(name)));
  registry.fault = fail_times(2, "GET", "/manifests/", {.status = 429, .headers = {{"Retry-After", "7"}}});
  auto pulled = shop.pull(registry.reference(name));
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(shop.fake.clock.slept == std::vector<std::chrono::milliseconds>(2, std::chrono::seconds(7)));
}

TEST_CASE("429 for ever is given up after five tries") {
  Shop shop;
  FakeRegistry registry;
  registry.fault = fail_times(100, "GET", "/manifests/", FakeRegistry::error(429, "TOOMANYREQUESTS", "slow down"));
  auto refused = shop.pull(registry.reference(name));
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::retry_later);
  CHECK(refused.error().what == "cannot read '" + registry.reference(name) + "'");
  CHECK(refused.error().hint == "wait a while and run the command again");
  CHECK(registry.count("GET") == 5);
  for (std::size_t i = 0; i + 1 < shop.fake.clock.slept.size(); ++i) {
    CHECK(shop.fake.clock.slept[i] < shop.fake.clock.slept[i + 1]);
  }
}

TEST_CASE("500 is an error of the server and is reported with its text") {
  Shop shop;
  FakeRegistry registry;
  registry.fault = fail_times(1, "GET", "/manifests/", FakeRegistry::error(500, "UNKNOWN", "disk on fire"));
  auto refused = shop.pull(registry.reference(name));
  CHECK(message_of(refused) == "unavailable http-500: cannot read '" + registry.reference(name) + "' | GET " +
                                   registry.server().url("/v2/team/digits/manifests/1.2") + ": 500 | nothing of '" +
                                   registry.reference(name) + "' was used | the server says: UNKNOWN: disk on fire");
}

TEST_CASE("503 and a connection that is closed are tried again") {
  Shop shop;
  FakeRegistry registry;
  REQUIRE(shop.push(registry.reference(name)));
  registry.fault = fail_times(2, "GET", "/blobs/", {.status = 503});
  CHECK(shop.pull(registry.reference(name), "a.tar"));
  registry.fault = fail_times(2, "GET", "/blobs/", {.status = 0});
  auto pulled = shop.pull(registry.reference(name), "b.tar");
  CHECK_MESSAGE(pulled, message_of(pulled));
}

TEST_CASE("a blob with the wrong content is refused and nothing is put in place") {
  Shop shop;
  FakeRegistry registry;
  REQUIRE(shop.push(registry.reference(name)));
  auto digest = shop.written.manifest.find("model.weights")->digest;
  registry.blobs[digest.text()][5] ^= 1;
  auto refused = shop.pull_folder(registry.reference(name));
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::untrusted);
  CHECK(refused.error().why.front() == "pulling 'model.weights'");
  CHECK(!std::filesystem::exists(shop.scratch / "pulled"));
  CHECK(shop.leftovers().empty());
}

TEST_CASE("a manifest with another digest than asked for is refused") {
  Shop shop;
  FakeRegistry registry;
  auto pushed = shop.push(registry.reference(name));
  REQUIRE(pushed);
  registry.manifests["team/digits:" + pushed->digest->text()] += " ";
  auto refused = shop.pull(registry.server().authority() + "/team/digits@" + pushed->digest->text());
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::untrusted);
  CHECK(refused.error().code == "digest-mismatch");
}

TEST_CASE("a registry that keeps something else than was sent is found out") {
  Shop shop;
  FakeRegistry registry;
  registry.fault =
      fail_times(1, "PUT", "/manifests/",
                 {.status = 201, .headers = {{"Docker-Content-Digest", "sha256:" + std::string(64, '0')}}});
  auto refused = shop.push(registry.reference(name));
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::untrusted);
  CHECK(refused.error().what == "cannot push to '" + registry.reference(name) + "'");
}

TEST_CASE("an interrupted body resumes with a range request") {
  Shop shop(large_payload());
  FakeRegistry registry;
  REQUIRE(shop.push(registry.reference(name)));
  auto cuts = std::make_shared<int>(0);
  std::string part = blob_of(shop, "model.weights");
  registry.fault = [&, cuts](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.path.find(part) == std::string::npos || ++*cuts > 1) return std::nullopt;
    std::string whole = registry.blobs.at(request.path.substr(request.path.find("sha256:")));
    return ServedResponse{.body = whole, .cut_after = 100'000};
  };
  auto pulled = shop.pull(registry.reference(name));
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(bytes_of(shop.scratch / "pulled.tar") == bytes_of(shop.archive));
  CHECK(registry.server().requests().back().header("range") == "bytes=100000-299999");
}

TEST_CASE("a body that is always interrupted is given up; the next pull resumes from the received part") {
  Shop shop(large_payload());
  FakeRegistry registry;
  REQUIRE(shop.push(registry.reference(name)));
  std::string part = blob_of(shop, "model.weights");
  registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.path.find(part) == std::string::npos) return std::nullopt;
    if (!request.header("range").empty()) return ServedResponse{.status = 0};
    return ServedResponse{.body = registry.blobs.at(part.substr(7)), .cut_after = 100'000};
  };
  auto refused = shop.pull_folder(registry.reference(name));
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::unavailable);
  CHECK(refused.error().hint == "run the same command again: it continues where this one stopped");
  CHECK(shop.leftovers().size() == 1);
  CHECK(!std::filesystem::exists(shop.scratch / "pulled"));
  registry.fault = nullptr;
  auto pulled = shop.pull_folder(registry.reference(name));
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(pulled->reused == 100'000);
  CHECK(pulled->moved == 200'000);
  CHECK(shop.leftovers().empty());
}

TEST_CASE("the data of an earlier pull is hashed again, and fetched again if it is damaged") {
  Shop shop(large_payload());
  FakeRegistry registry;
  REQUIRE(shop.push(registry.reference(name)));
  std::string part = blob_of(shop, "model.weights");
  registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.path.find(part) == std::string::npos) return std::nullopt;
    if (!request.header("range").empty()) return ServedResponse{.status = 0};
    return ServedResponse{.body = registry.blobs.at(part.substr(7)), .cut_after = 100'000};
  };
  REQUIRE(!shop.pull_folder(registry.reference(name)));
  auto file = shop.scratch / shop.leftovers().at(0) / "model.weights";
  std::string bytes = bytes_of(file);
  bytes[77] ^= 1;
  REQUIRE(write_file(file, as_bytes(bytes)));
  registry.fault = nullptr;
  auto pulled = shop.pull_folder(registry.reference(name));
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(pulled->reused == 0);
  CHECK(bytes_of(shop.scratch / "pulled/model.weights") == registry.blobs.at(part.substr(7)));
}

TEST_CASE("a registry without support for ranges is read again from the start") {
  Shop shop(large_payload());
  FakeRegistry registry;
  REQUIRE(shop.push(registry.reference(name)));
  auto cuts = std::make_shared<int>(0);
  std::string part = blob_of(shop, "model.weights");
  registry.fault = [&, cuts](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.path.find(part) == std::string::npos) return std::nullopt;
    ServedResponse response{.body = registry.blobs.at(part.substr(7))};
    if (++*cuts <= 2) response.cut_after = 100'000 * static_cast<std::size_t>(*cuts);
    return response;
  };
  auto pulled = shop.pull(registry.reference(name));
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(bytes_of(shop.scratch / "pulled.tar") == bytes_of(shop.archive));
}

TEST_CASE("the token flow: a challenge, a token for the right scope, and on") {
  Shop shop;
  FakeRegistry registry;
  HttpServer service([](const ServedRequest& request) {
    return request.header("authorization") == "Basic Y2k6c2VjcmV0" ? ServedResponse{.body = R"({"token":"good"})"}
                                                                   : FakeRegistry::error(401, "UNAUTHORIZED", "who?");
  });
  registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.header("authorization") == "Bearer good") return std::nullopt;
    return ServedResponse{
        .status = 401,
        .headers = {{"WWW-Authenticate", "Bearer realm=\"" + service.url("/token") +
                                             "\",service=\"reg\",scope=\"repository:team/digits:pull\""}}};
  };
  auto refused = shop.push(registry.reference(name), true);
  REQUIRE(!refused);
  CHECK(refused.error().what == "'" + registry.server().authority() + "' requires credentials");
  REQUIRE(store_credentials(registry.server().authority(), {"ci", "secret", "", ""}, shop.host.environment,
                            shop.host.processes));
  auto pushed = shop.push(registry.reference(name), true);
  REQUIRE_MESSAGE(pushed, message_of(pushed));
  auto asked = service.requests().back();
  CHECK(asked.query == "service=reg&scope=repository%3Ateam%2Fdigits%3Apull%2Cpush&account=ci");
  CHECK(service.requests().size() == 2);  // one token serves the whole push
  auto pulled = shop.pull(registry.reference(name));
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(service.requests().back().query == "service=reg&scope=repository%3Ateam%2Fdigits%3Apull&account=ci");
}

TEST_CASE("credentials do not go to a token service of another domain, unless the user allows it") {
  Shop shop;
  FakeRegistry registry;
  std::string realm = "auth.elsewhere.example";
  registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (!request.header("authorization").empty()) return std::nullopt;
    return ServedResponse{.status = 401,
                          .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + realm + "/token\""}}};
  };
  HttpServer proxy([](const ServedRequest& request) {
    // Stands for the foreign service.
    return ServedResponse{.body = R"({"token":")" + request.header("authorization").substr(6) + "\"}"};
  });
  shop.fake.environment.variables["http_proxy"] = proxy.url("/");
  shop.remote.plain_http = true;
  std::string host = registry.server().authority();
  REQUIRE(store_credentials(host, {"ci", "secret", "", ""}, shop.host.environment, shop.host.processes));
  auto refused = shop.push(registry.reference(name));
  REQUIRE(!refused);
  CHECK(refused.error().code == "foreign-realm");
  CHECK(refused.error().kind == Kind::denied);
  CHECK(refused.error().hint == "if it belongs to this registry, allow it with --auth-host auth.elsewhere.example");
  CHECK(proxy.requests().empty());
  shop.remote.auth_hosts = {realm};
  auto pushed = shop.push(registry.reference(name), true);
  REQUIRE_MESSAGE(pushed, message_of(pushed));
  CHECK(proxy.requests().size() == 1);
}

TEST_CASE("a registry that lists more versions than anybody reads is given up") {
  Shop shop;
  FakeRegistry registry;
  int asked = 0;
  registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    std::string list = "[\"r0\"";
    if (request.path == "/v2/_catalog") {
      for (int i = 1; i < 2'000; ++i) list += ",\"r" + std::to_string(i) + "\"";
      return ServedResponse{.body = "{\"repositories\":" + list + "]}"};
    }
    if (request.path.ends_with("/tags/list")) {
      for (int i = 1; i < 9'000; ++i) list += ",\"t" + std::to_string(i) + "\"";
      return ServedResponse{.body = "{\"tags\":" + list + "]}"};
    }
    ++asked;
    return ServedResponse{.body = "{}"};
  };
  auto refused = actions::list({registry.server().authority(), shop.remote}, shop.host);
  REQUIRE(!refused);
  CHECK(refused.error().code == "list-too-long");
  CHECK(asked == 10'000);
}

TEST_CASE("a list whose pages never end is given up") {
  Shop shop;
  FakeRegistry registry;
  int page = 0;
  registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.path.find("/tags/list") == std::string::npos) return std::nullopt;
    return ServedResponse{
        .headers = {{"Link", "</v2/team/digits/tags/list?n=1&last=" + std::to_string(++page) + ">; rel=\"next\""}},
        .body = R"({"name":"team/digits","tags":[]})"};
  };
  auto refused = actions::list({registry.reference("team/digits"), shop.remote}, shop.host);
  REQUIRE(!refused);
  CHECK(refused.error().code == "too-many-pages");
  CHECK(page == 1000);
}

TEST_CASE("a token that ran out in the middle is replaced") {
  Shop shop;
  FakeRegistry registry;
  int tokens = 0, uses = 0;
  HttpServer service([&](const ServedRequest&) {
    return ServedResponse{.body = R"({"token":"t)" + std::to_string(++tokens) + "\"}"};
  });
  registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.header("authorization") == "Bearer t" + std::to_string(tokens) && ++uses % 7 != 0) return std::nullopt;
    return ServedResponse{.status = 401,
                          .headers = {{"WWW-Authenticate", "Bearer realm=\"" + service.url("/token") + "\""}}};
  };
  auto pushed = shop.push(registry.reference(name));
  REQUIRE_MESSAGE(pushed, message_of(pushed));
  CHECK(tokens > 2);
}

TEST_CASE("an identity token is exchanged by POST") {
  Shop shop;
  FakeRegistry registry;
  HttpServer service([](const ServedRequest&) { return ServedResponse{.body = R"({"access_token":"good"})"}; });
  registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.header("authorization") == "Bearer good") return std::nullopt;
    return ServedResponse{
        .status = 401,
        .headers = {{"WWW-Authenticate", "Bearer realm=\"" + service.url("/token") + "\",service=\"reg\""}}};
  };
  REQUIRE(make_folder(shop.scratch / ".docker"));
  std::string config = R"({"auths":{")" + registry.server().authority() + R"(":{"identitytoken":"id+t"}}})";
  REQUIRE(write_file(shop.scratch / ".docker/config.json", as_bytes(config)));
  auto pushed = shop.push(registry.reference(name));
  REQUIRE_MESSAGE(pushed, message_of(pushed));
  // The second token: the first and the last are those of the checks, which only read.
  CHECK(service.requests().at(1).body ==
        "grant_type=refresh_token&client_id=modelctl&service=reg&refresh_token=id%2Bt"
        "&scope=repository%3Ateam%2Fdigits%3Apull%2Cpush");
}

TEST_CASE("a redirect to another host carries no credentials") {
  Shop shop;
  FakeRegistry registry;
  REQUIRE(shop.push(registry.reference(name)));
  HttpServer cdn(
      [&](const ServedRequest& request) { return ServedResponse{.body = registry.blobs.at(request.path.substr(1))}; });
  REQUIRE(store_credentials(registry.server().authority(), {"ci", "secret", "", ""}, shop.host.environment,
                            shop.host.processes));
  registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.header("authorization").empty()) {
      return ServedResponse{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"r\""}}};
    }
    std::size_t at = request.path.find("/blobs/");
    if (at == std::string::npos) return std::nullopt;
    return ServedResponse{.status = 307, .headers = {{"Location", cdn.url("/" + request.path.substr(at + 7))}}};
  };
  auto pulled = shop.pull(registry.reference(name));
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  REQUIRE(!cdn.requests().empty());
  for (const ServedRequest& request : cdn.requests()) CHECK(request.header("authorization").empty());
}

TEST_CASE("redirects without end are cut off") {
  Shop shop;
  FakeRegistry registry;
  registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.path == "/v2/") return std::nullopt;
    return ServedResponse{.status = 302, .headers = {{"Location", request.path}}};
  };
  auto refused = shop.pull(registry.reference(name));
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::protocol);
  CHECK(refused.error().what == "'" + registry.server().authority() + "' redirects us more than 10 times");
}

TEST_CASE("over TLS: own authority, and a redirect to plain http that is not followed") {
  Shop shop;
  auto made = modelctl::test::make_certificates(shop.scratch);
  if (!made) {
    MESSAGE("skipped: there is no openssl program");
    return;
  }
  FakeRegistry registry(made->certificate, made->key);
  auto untrusted = shop.push(registry.reference(name));
  REQUIRE(!untrusted);
  CHECK(untrusted.error().kind == Kind::untrusted);
  CHECK(untrusted.error().what == "cannot trust the certificate of '" + registry.server().authority() + "'");
  CHECK(untrusted.error().hint ==
        "if the server has a certificate authority of its own, name its certificate with --ca-file");

  shop.remote.ca_file = made->authority;
  auto pushed = shop.push(registry.reference(name));
  REQUIRE_MESSAGE(pushed, message_of(pushed));
  shop.remote.ca_file.clear();
  shop.fake.environment.variables["SSL_CERT_FILE"] = made->authority.string();
  auto pulled = shop.pull(registry.reference(name));
  REQUIRE_MESSAGE(pulled, message_of(pulled));

  registry.fault =
      fail_times(100, "GET", "/blobs/", {.status = 302, .headers = {{"Location", "http://cdn.example/blob"}}});
  auto refused = shop.pull(registry.reference(name), "second.tar");
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::denied);
  CHECK(refused.error().code == "downgrade");
  CHECK(refused.error().what == "will not follow the server from https to plain http");
  CHECK(refused.error().why.back() == "'" + registry.server().authority() + "' sends us to http://cdn.example/blob");
}

TEST_CASE("plain http to another machine is refused before a byte is sent") {
  Shop shop;
  auto refused = shop.pull("http://models.example/digits.tar");
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::denied);
  CHECK(refused.error().what == "will not use plain http with 'models.example'");
  CHECK(refused.error().hint == "use https, or allow it with --plain-http");
}

TEST_CASE("a refused connection is reported immediately") {
  Shop shop;
  int port = 0;
  {
    port = HttpServer([](const ServedRequest&) { return ServedResponse{}; }).port();
  }
  std::string host = "localhost:" + std::to_string(port);
  auto refused = shop.pull(host + "/digits:1");
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::unavailable);
  CHECK(refused.error().what == "cannot connect to '" + host + "'");
  CHECK(shop.fake.clock.slept.empty());
}

TEST_CASE("an image of another kind is not a package") {
  Shop shop;
  FakeRegistry registry;
  registry.manifests["team/image:1"] = R"({"schemaVersion":2,"layers":[]})";
  auto refused = shop.pull(registry.reference("team/image:1"));
  CHECK(message_of(refused) == "bad_input no-package: the manifest there does not describe a package of modelctl | " +
                                   registry.reference("team/image:1") + " | nothing of '" +
                                   registry.reference("team/image:1") + "' was used | it has no layer 'manifest.json'");
}

TEST_CASE("an index of images is not replaced by a push unless it is forced") {
  Shop shop;
  FakeRegistry registry;
  registry.manifests["team/digits:1.2"] = R"({"schemaVersion":2,"manifests":[]})";
  auto refused = shop.push(registry.reference(name));
  REQUIRE(!refused);
  CHECK(refused.error().code == "already-pushed");
  CHECK(shop.push(registry.reference(name), true));
}

TEST_CASE("a manifest of more than 4 MiB is not read") {
  Shop shop;
  FakeRegistry registry;
  registry.manifests["team/digits:1.2"] = std::string((4 << 20) + 1, ' ');
  auto refused = shop.pull(registry.reference(name));
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::protocol);
  CHECK(refused.error().what == "the server's response is larger than the 4194304 bytes that are allowed here");
}
