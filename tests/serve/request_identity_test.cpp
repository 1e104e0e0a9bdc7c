// The identity of a request, of the headers that clients send.
#include "serve/request_identity.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace modelctl::serve;

namespace {

constexpr const char* parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

}  // namespace

TEST_CASE("the id of a client is taken if it can stand in a log, else one is made") {
  RequestIdentities identities;
  for (const char* good : {"1", "a-b_c.d~e:f/g+h=i@j", "0123456789abcdef"})
    CHECK(identities.identify(good, "").id == good);
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("a\nb"), std::string("\"x\""),
                                 std::string("\xc3\xa9"), std::string(129, 'a')}) {
    std::string made = identities.identify(bad, "").id;
    CHECK(made.size() == 32);
    CHECK(made.find_first_not_of("0123456789abcdef") == made.npos);
  }
}

TEST_CASE("no two requests are given the same id") {
  RequestIdentities identities;
  std::set<std::string> all;
  for (int i = 0; i < 10000; ++i) all.insert(identities.identify("", "").id);
  CHECK(all.size() == 10000);
}

TEST_CASE("a trace is continued with a span of the server's own, and gives the id of a request that has none") {
  RequestIdentities identities;
  RequestIdentity identity = identities.identify("", parent);
  CHECK(identity.id == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(identity.trace == identity.id);
  CHECK(identity.parent == "00f067aa0ba902b7");
  CHECK(identity.span.size() == 16);
  CHECK(identity.trace_response() == "00-" + identity.trace + "-" + identity.span + "-01");
  CHECK(identities.identify("mine", parent).id == "mine");
  CHECK(identities.identify("mine", "").trace_response().empty());
}

TEST_CASE("a traceparent that the specification does not allow is ignored") {
  RequestIdentities identities;
  for (const char* bad : {"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
                          "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                          "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                          "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"})
    CHECK(identities.identify("", bad).trace.empty());
  CHECK(!identities.identify("", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later").trace.empty());
}
