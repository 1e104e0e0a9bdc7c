// The check of a release on a web host. tests/cli/version.test has that of files.
#include "actions/release.hpp"

#include "actions/key.hpp"
#include "base/files.hpp"
#include "support/hosts.hpp"
#include "support/http_server.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using test::HttpServer;
using test::Scratch;
using test::ServedRequest;
using test::ServedResponse;

TEST_CASE("a release on a web host is checked where it is, and nothing else is asked for") {
  Scratch scratch;
  test::FakeHost host;
  const std::string name = "modelctl-99.0.0-linux-x86_64.tar.gz";
  const std::string program(1 << 20, 'p');
  std::string list = Sha256::of(as_bytes(program)).hex() + "  " + name + "\n";
  REQUIRE(write_file(scratch / "SHA256SUMS", as_bytes(list)));
  REQUIRE(actions::key_generate({.prefix = scratch / "release", .no_password = true}, host.host));
  REQUIRE(actions::sign_release({.list = scratch / "SHA256SUMS", .key = scratch / "release.key"}, host.host));
  std::map<std::string, std::string> files{
      {"/99/" + name, program},
      {"/99/SHA256SUMS", list},
      {"/99/SHA256SUMS.sigstore.json", read_text_file(scratch / "SHA256SUMS.sigstore.json").value()}};
  HttpServer server([&](const ServedRequest& request) {
    auto found = files.find(request.path);
    return found == files.end() ? ServedResponse{.status = 404} : ServedResponse{.body = found->second};
  });
  auto check = [&](const std::string& path) {
    actions::CheckReleaseRequest request{.release = server.url(path)};
    request.trust.key = scratch / "release.pub";
    return actions::check_release(request, host.host);
  };

  auto report = check("/99/" + name);
  REQUIRE(report);
  CHECK(report->version == "99.0.0");
  CHECK(report->file == name);
  CHECK(report->newer);
  CHECK(server.requests().size() == 3);

  report = check("/99/SHA256SUMS");
  REQUIRE(report);
  CHECK(report->file.empty());
  CHECK(server.requests().size() == 5);

  files.at("/99/" + name).back() = 'q';
  report = check("/99/" + name);
  REQUIRE(!report);
  CHECK(report.error().code == "altered");
  CHECK(report.error().where == server.url("/99/" + name));

  files.erase("/99/SHA256SUMS.sigstore.json");
  report = check("/99/" + name);
  REQUIRE(!report);
  CHECK(report.error().kind == Kind::not_found);
}
