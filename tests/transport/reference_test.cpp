// The syntax of references.
#include "transport/reference.hpp"

#include "transport/transport.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::transport;

namespace {
const std::string digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

std::string refusal(const std::string& text) {
  auto name = parse_name(text);
  if (name) return "none";
  CHECK(name.error().kind == Kind::usage);
  return name.error().what + " | " + name.error().why.front();
}
std::string_view transport_name(const char* reference) { return (*transport_of(reference))->name; }
}  // namespace

TEST_CASE("a reference is host, repository, version and digest") {
  auto name = parse_name("registry.example:5000/team/digits:1.2@" + digest);
  REQUIRE(name);
  CHECK(name->host == "registry.example:5000");
  CHECK(name->repository == "team/digits");
  CHECK(name->tag == "1.2");
  CHECK(name->digest->text() == digest);
  CHECK(name->text() == "registry.example:5000/team/digits:1.2@" + digest);
}

TEST_CASE("a first part without '.', ':' or localhost is a team, not a host") {
  CHECK(parse_name("team/digits:1")->host.empty());
  CHECK(parse_name("localhost/digits:1")->host == "localhost");
  CHECK(parse_name("digits@" + digest)->tag.empty());
}

TEST_CASE("each fault of a reference has its own words") {
  CHECK(refusal("digits") == "'digits' is not a reference to a package | it names no version");
  CHECK(refusal("Digits:1") == "'Digits:1' is not a reference to a package | 'Digits' is not a name");
  CHECK(refusal("a..b:1") == "'a..b:1' is not a reference to a package | 'a..b' is not a name");
  CHECK(refusal("team/../b:1") == "'team/../b:1' is not a reference to a package | 'team/../b' is not a name");
  CHECK(refusal("digits:") == "'digits:' is not a reference to a package | '' is not a version");
  CHECK(refusal("digits:-1") == "'digits:-1' is not a reference to a package | '-1' is not a version");
  CHECK(refusal("digits:" + std::string(129, 'v')).ends_with("is not a version"));
  CHECK(refusal("digits@sha256:12") ==
        "'digits@sha256:12' is not a reference to a package | what stands after '@' is not a SHA-256 digest");
  CHECK(refusal("Host.example/digits:1") ==
        "'Host.example/digits:1' is not a reference to a package | 'Host.example' is not a host");
  CHECK(refusal("") == "'' is not a reference to a package | '' is not a name");
}

TEST_CASE("a missing version is refused with a suggestion") {
  CHECK(parse_name("team/digits").error().hint == "write for example team/digits:1.0");
}

TEST_CASE("the beginning of a reference chooses its transport") {
  CHECK(transport_name("digits:1.2") == "layout");
  CHECK(transport_name("team/digits:1.2") == "layout");
  CHECK(transport_name("oci:/srv/models:digits:1.2") == "layout");
  CHECK(transport_name("localhost:5000/digits:1.2") == "oci");
  CHECK(transport_name("registry.example/digits:1.2") == "oci");
  CHECK(transport_name("https://host/digits.tar") == "https");
  CHECK(transport_name("file:digits.tar") == "file");
}

TEST_CASE("an unknown scheme is refused by name") {
  auto def = transport_of("s3://bucket/digits.tar");
  REQUIRE(!def);
  CHECK(def.error().kind == Kind::unsupported);
  CHECK(def.error().what == "cannot reach 's3://bucket/digits.tar': there is no transport for 's3://'");
}

TEST_CASE("what lists a registry is found by its form") {
  CHECK((*lister_of(""))->name == "layout");
  CHECK((*lister_of("digits"))->name == "layout");
  CHECK((*lister_of("oci:/srv"))->name == "layout");
  CHECK((*lister_of("registry.example"))->name == "oci");
  CHECK((*lister_of("localhost:5000/team/digits"))->name == "oci");
  CHECK(lister_of("https://host/").error().what == "cannot list what 'https://host/' holds");
}
