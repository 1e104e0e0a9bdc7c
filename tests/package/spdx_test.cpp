// Which texts are license expressions of SPDX.
#include "package/spdx.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace modelctl;
using modelctl::package::check_license;

TEST_CASE("expressions of SPDX are accepted without a warning") {
  for (const char* text :
       {"MIT", "Apache-2.0 OR MIT", "(MIT AND BSD-3-Clause) OR GPL-2.0-only WITH Classpath-exception-2.0", "apache-2.0",
        "LicenseRef-our-terms", "DocumentRef-x:LicenseRef-y and MIT", "EPL-1.0+"}) {
    CAPTURE(text);
    auto warnings = check_license(text);
    REQUIRE(warnings);
    CHECK(warnings->empty());
  }
}

TEST_CASE("what is not an expression is refused") {
  for (const std::string& text :
       {std::string("MIT AND"), std::string("???"), std::string("MIT Apache-2.0"), std::string("(MIT"),
        std::string("MIT)"), std::string("OR"), std::string("MIT WITH"), std::string(" "), std::string("LicenseRef-"),
        std::string("a_b"), std::string(100, '(') + "MIT" + std::string(100, ')')}) {
    CAPTURE(text);
    auto refused = check_license(text);
    REQUIRE(!refused);
    CHECK(refused.error().code == "bad-license");
  }
}

TEST_CASE("a license that is not a common one is a warning, with the one that may be meant") {
  auto warnings = check_license("foo OR Apache-2");
  REQUIRE(warnings);
  REQUIRE(warnings->size() == 2);
  CHECK(warnings->at(0).code == "unknown-license");
  CHECK(warnings->at(1).hint == "did you mean 'Apache-2.0'?");
}
