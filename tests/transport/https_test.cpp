// Packages on plain web hosts, against a server that breaks off, lies and stalls.
#include "support.hpp"
#include "support/http_server.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::transport;
using namespace modelctl::transport::test;
using modelctl::test::HttpServer;
using modelctl::test::ServedRequest;
using modelctl::test::ServedResponse;

namespace {

// A web host that keeps what is PUT; WebDAV, ranges and existing folders can be switched off.
struct WebHost {
  std::map<std::string, std::string> files;
  std::vector<std::string> folders{"/"};
  bool dav = true, ranges = true;
  std::function<std::optional<ServedResponse>(const ServedRequest&)> fault;
  HttpServer server{[this](const ServedRequest& request) { return answer(request); }};

  ServedResponse answer(const ServedRequest& request) {
    if (fault) {
      if (auto answer = fault(request)) return *answer;
    }
    auto found = files.find(request.path);
    if (request.method == "PUT") {
      std::string folder = request.path.substr(0, request.path.rfind('/') + 1);
      if (std::find(folders.begin(), folders.end(), folder) == folders.end()) return {.status = 409};
      files[request.path] = request.body;
      return {.status = 201};
    }
    if (!dav && (request.method == "MOVE" || request.method == "MKCOL")) return {.status = 405};
    if (request.method == "MKCOL") {
      folders.push_back(request.path);
      return {.status = 201};
    }
    if (found == files.end()) return {.status = 404};
    if (request.method == "MOVE") {
      std::string to = request.header("destination");
      files[to.substr(to.find('/', 8))] = found->second;
      files.erase(request.path);
      return {.status = 201};
    }
    if (request.method == "DELETE") {
      files.erase(found);
      return {.status = 204};
    }
    ServedResponse response{.body = found->second};
    std::string range = request.header("range");
    if (ranges && range.starts_with("bytes=")) {
      std::size_t from = std::strtoull(range.c_str() + 6, nullptr, 10);
      std::string all = std::to_string(found->second.size());
      response = {.status = 206,
                  .headers = {{"Content-Range", "bytes " + std::to_string(from) + "-" + all + "/" + all}},
                  .body = found->second.substr(from)};
    }
    return response;
  }
  std::string url(const std::string& path = "/digits.tar") const { return server.url(path); }
};

}  // namespace

TEST_CASE("what is put on a web host is pulled as the same bytes, in one GET") {
  Shop shop;
  WebHost web;
  auto pushed = shop.push(web.url());
  REQUIRE_MESSAGE(pushed, message_of(pushed));
  CHECK(web.files.size() == 1);
  CHECK(web.files["/digits.tar"] == bytes_of(shop.archive));
  std::size_t before = web.server.requests().size();
  auto pulled = shop.pull(web.url());
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(bytes_of(shop.scratch / "pulled.tar") == bytes_of(shop.archive));
  CHECK(web.server.requests().size() == before + 1);
}

TEST_CASE("a host with WebDAV never shows half an archive: PUT to another name, then MOVE") {
  Shop shop;
  WebHost web;
  REQUIRE(shop.push(web.url()));
  for (const ServedRequest& request : web.server.requests()) {
    if (request.method == "PUT") CHECK(request.path.ends_with(".part"));
  }
  CHECK(shop.fake.reporter.infos.empty());
}

TEST_CASE("a host without MOVE gets a PUT, and a warning is printed") {
  Shop shop;
  WebHost web;
  web.dav = false;
  auto pushed = shop.push(web.url());
  REQUIRE_MESSAGE(pushed, message_of(pushed));
  CHECK(shop.fake.reporter.infos ==
        std::vector<std::string>{"'" + web.server.authority() +
                                 "' does not support MOVE: readers could see the archive while it was being sent"});
}

TEST_CASE("missing folders are made") {
  Shop shop;
  WebHost web;
  auto pushed = shop.push(web.url("/a/b/digits.tar"));
  REQUIRE_MESSAGE(pushed, message_of(pushed));
  CHECK(web.folders == std::vector<std::string>{"/", "/a/", "/a/b/"});
  CHECK(web.files.contains("/a/b/digits.tar"));
}

TEST_CASE("a push that failed leaves nothing behind") {
  Shop shop;
  WebHost web;
  web.fault = [](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.method != "MOVE" || !request.path.ends_with(".part")) return std::nullopt;
    static int moves = 0;
    return ++moves == 1 ? std::nullopt : std::optional(ServedResponse{.status = 403});
  };
  auto refused = shop.push(web.url());
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::denied);
  CHECK(web.files.empty());
}

TEST_CASE("a host that keeps less than was sent is found out") {
  Shop shop;
  WebHost web;
  web.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.method == "HEAD") return ServedResponse{.body = "short"};
    return std::nullopt;
  };
  auto refused = shop.push(web.url());
  REQUIRE(!refused);
  CHECK(refused.error().why.back() ==
        "the host has 5 bytes and " + std::to_string(bytes_of(shop.archive).size()) + " were sent");
}

TEST_CASE("an interrupted transfer of an archive resumes, with and without ranges") {
  for (bool ranges : {true, false}) {
    Shop shop;
    WebHost web;
    web.ranges = ranges;
    REQUIRE(shop.push(web.url()));
    int gets = 0;
    web.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
      if (request.method != "GET" || ++gets > 3) return std::nullopt;
      ServedResponse response = {.body = web.files["/digits.tar"], .cut_after = 3000 * static_cast<std::size_t>(gets)};
      if (ranges && !request.header("range").empty()) return std::nullopt;
      return response;
    };
    auto pulled = shop.pull(web.url());
    REQUIRE_MESSAGE(pulled, message_of(pulled));
    CHECK(bytes_of(shop.scratch / "pulled.tar") == bytes_of(shop.archive));
  }
}

TEST_CASE("an archive that ends early is refused") {
  Shop shop;
  WebHost web;
  REQUIRE(shop.push(web.url()));
  std::string& file = web.files["/digits.tar"];
  std::size_t size = file.find("a plan");
  file.resize(size);
  auto refused = shop.pull_folder(web.url());
  CHECK(message_of(refused) == "untrusted truncated: cannot read '" + web.url() + "' | " + web.url() +
                                   " | pulling 'model.plan' | cannot read '" + web.url() + "' | the file ends after " +
                                   std::to_string(size) + " bytes, before the package does");
  CHECK(shop.leftovers().empty());
}

TEST_CASE("a changed byte in an archive's content or documents is refused") {
  Shop shop;
  WebHost web;
  REQUIRE(shop.push(web.url()));
  std::string whole = web.files["/digits.tar"];
  package::Layout layout = package::Package::open(shop.archive)->layout();
  for (const auto& slot : layout.slots()) {
    if (slot.size == 0) continue;
    web.files["/digits.tar"][slot.at + slot.size / 2] ^= 1;
    auto refused = shop.pull_folder(web.url());
    web.files["/digits.tar"] = whole;
    REQUIRE(!refused);
    CHECK_MESSAGE(refused.error().kind == Kind::untrusted, message_of(refused));
    CHECK(shop.leftovers().empty());
  }
}

TEST_CASE("a file that is not a package is refused after its first block") {
  Shop shop;
  WebHost web;
  web.files["/index.html"] = std::string(100'000, 'h');
  CHECK(message_of(shop.pull(web.url("/index.html"))) ==
        "untrusted no-package: cannot read '" + web.url("/index.html") + "' | nothing of '" + web.url("/index.html") +
            "' was used | it is not a package of modelctl: 'manifest.json' is not where it must be");
  web.files["/empty"] = "";
  CHECK(message_of(shop.pull(web.url("/empty"))).starts_with("untrusted truncated: cannot read"));
  CHECK(message_of(shop.pull(web.url("/none")))
            .starts_with("not_found no-such-package: there is no '" + web.url("/none") + "'"));
}

TEST_CASE("URLs that name no file, or hold a password, are refused") {
  Shop shop;
  CHECK(message_of(shop.pull("https://models.example/a/")) ==
        "usage bad-reference: 'https://models.example/a/' is not a reference to a package | it names no file");
  auto refused = shop.pull("https://me:secret@models.example/a.tar");
  CHECK(message_of(refused) ==
        "usage secret-in-url: cannot use 'https://models.example/a.tar' | a password in a URL ends up in "
        "logs and in the shell's history");
  CHECK(refused.error().hint == "leave it out and log in: modelctl login models.example --username NAME");
}

TEST_CASE("what looks like a package in a registry is refused or explained") {
  Shop shop;
  auto plain = shop.push("http://registry.example/team/digits:1.2");
  CHECK(message_of(plain) ==
        "usage bad-reference: 'http://registry.example/team/digits:1.2' is not a reference to a package | registries "
        "are reached over HTTPS, and their references have no scheme");
  REQUIRE(!plain);
  CHECK(plain.error().hint == "write registry.example/team/digits:1.2");
  WebHost web;
  auto missing = shop.pull(web.server.url("/team/digits:1.2"));
  REQUIRE(!missing);
  CHECK(missing.error().code == "no-such-package");
  CHECK(missing.error().hint ==
        "if it is in a registry, write " + web.server.authority() + "/team/digits:1.2 --plain-http");
}

TEST_CASE("a name that another push takes during the upload is left to it") {
  Shop shop, other({{"a", package::Role::document, false, package::Content::of_bytes("another")}});
  for (bool dav : {true, false}) {
    WebHost web;
    web.dav = dav;
    std::string theirs = bytes_of(other.archive);
    // Between the first look at the name and the second: the question whether the host supports MOVE.
    web.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
      if (request.method == "MOVE" && web.files.empty()) web.files["/digits.tar"] = theirs;
      return std::nullopt;
    };
    auto refused = shop.push(web.url("/digits.tar"));
    REQUIRE(!refused);
    CHECK(refused.error().code == "already-pushed");
    CHECK(web.files == std::map<std::string, std::string>{{"/digits.tar", theirs}});
  }
}

TEST_CASE("one connection serves many exchanges") {
  Shop shop;
  WebHost web;
  REQUIRE(shop.push(web.url(), true));
  CHECK(web.server.connections() == 1);
}
