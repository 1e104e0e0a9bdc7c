// URLs: parsing, resolving, and what of them may be printed.
#include "transport/url.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::transport;

namespace {
std::string resolved(const char* base, const char* location) { return resolve(*Url::parse(base), location)->text(); }
std::string refusal(const char* text) {
  auto url = Url::parse(text);
  return url ? "none" : url.error().what + " | " + url.error().why.front();
}
}  // namespace

TEST_CASE("a URL is taken apart and put together again") {
  auto url = Url::parse("HTTPS://Host.Example:8443/a/b?x=1&y=%2F#part");
  REQUIRE(url);
  CHECK(url->host == "host.example");
  CHECK(url->text() == "https://host.example:8443/a/b?x=1&y=%2F");
  CHECK(Url::parse("https://[2001:DB8::1]:5000")->text() == "https://[2001:db8::1]:5000/");
  CHECK(Url::parse("https://host.example?q")->text() == "https://host.example/?q");
}

TEST_CASE("what is no URL is refused with the reason") {
  CHECK(refusal("ftp://host/a") == "'ftp://host/a' is no URL | it does not begin with https://");
  CHECK(refusal("https:///a") == "'https:///a' is no URL | it names no host");
  CHECK(refusal("https://host:0/") == "'https://host:0/' is no URL | its port is no number from 1 to 65535");
  CHECK(refusal("https://host:99999/") == "'https://host:99999/' is no URL | its port is no number from 1 to 65535");
  CHECK(refusal("https://[::1/") == "'https://[::1/' is no URL | its address lacks a ']'");
  CHECK(refusal("https://host/a b") == "'https://host/a b' is no URL | it holds white space or worse");
}

TEST_CASE("user and password in a URL are dropped and never shown") {
  auto url = Url::parse("https://me:secret@host.example/a");
  REQUIRE(url);
  CHECK(url->had_userinfo);
  CHECK(url->text() == "https://host.example/a");
  CHECK(redacted("https://me:secret@ho st/?token=s3cret") == "https://REDACTED@ho st/");
}

TEST_CASE("a Location is resolved against the URL that gave it") {
  CHECK(resolved("https://h/v2/a/uploads/", "/v2/b?_state=x") == "https://h/v2/b?_state=x");
  CHECK(resolved("https://h/v2/a/uploads/", "next") == "https://h/v2/a/uploads/next");
  CHECK(resolved("https://h/v2/a/b", "../c") == "https://h/v2/c");
  CHECK(resolved("https://h/v2/a", "?n=2") == "https://h/v2/a?n=2");
  CHECK(resolved("https://h/a", "//cdn.example/b") == "https://cdn.example/b");
  CHECK(resolved("https://h/a", "http://other:81/b?u=https://x/") == "http://other:81/b?u=https://x/");
}

TEST_CASE("only harmless query keys are shown with their values") {
  CHECK(redacted("https://h/a?digest=sha256:1&X-Amz-Signature=abc&_state=def&n=3") ==
        "https://h/a?digest=sha256:1&X-Amz-Signature=REDACTED&_state=REDACTED&n=3");
}

TEST_CASE("hosts of this machine and of private networks are known by their literals") {
  for (const char* host : {"localhost", "127.0.0.1", "127.9.9.9", "::1", "a.localhost"}) CHECK(is_loopback(host));
  for (const char* host :
       {"10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "fe80::1", "fd00::1", "0.0.0.0"}) {
    CHECK(!is_loopback(host));
    CHECK(is_private_literal(host));
  }
  for (const char* host : {"example.com", "8.8.8.8", "2001:db8::1", "172.32.0.1", "localhost.example"}) {
    CHECK(!is_private_literal(host));
  }
}
