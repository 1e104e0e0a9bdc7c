// The table of the server's settings: defaults, precedence, and the text of a linked program's flags.
#include "serve/settings.hpp"

#include "serve/platforms.hpp"
#include "support/hosts.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace modelctl;
using namespace modelctl::serve;

TEST_CASE("a setting comes from the flag, else from the file, else from the table") {
  GivenSettings flags, file;
  flags.queue = 1;
  file.queue = 2;
  file.max_body = 3;
  Settings settings = complete(flags, file);
  CHECK(settings.queue == 1);
  CHECK(settings.max_body == 3);
  CHECK(settings.max_memory == std::uint64_t{4} << 30);
  CHECK(settings.max_time == 60);
  CHECK(settings.listen == "127.0.0.1:8080");
}

TEST_CASE("what the platform's environment asks for comes after flags, and before the file") {
  test::FakeEnvironment environment;
  auto& variables = environment.variables;
  GivenSettings file;
  file.listen = "127.0.0.1:2";
  CHECK(complete({}, platform_settings(environment), file).listen == "127.0.0.1:2");
  variables = {{"PORT", "9000"}};
  CHECK(complete({}, platform_settings(environment), file).listen == "0.0.0.0:9000");
  variables = {{"PORT", "9000"}, {"AIP_HTTP_PORT", "8081"}, {"AIP_PREDICT_ROUTE", "/p"}, {"AIP_HEALTH_ROUTE", "/h"}};
  Settings settings = complete({}, platform_settings(environment), file);
  CHECK(settings.listen == "0.0.0.0:8081");
  CHECK(settings.predict_route == "/p");
  CHECK(settings.health_route == "/h");
  GivenSettings flags;
  flags.listen = "127.0.0.1:1";
  CHECK(complete(flags, platform_settings(environment), file).listen == "127.0.0.1:1");
}

TEST_CASE("every setting is read from text by its flag, and its default is such a text") {
  std::set<std::string_view> seen;
  for (const SettingInfo& info : all_settings()) {
    CAPTURE(info.flag);
    GivenSettings given;
    CHECK(seen.insert(info.flag).second);
    CHECK(read_setting(given, info.flag, info.otherwise));
  }
}

TEST_CASE("a text that is not of the setting's type or bounds is refused with what is wanted") {
  auto fault = [](std::string_view flag, std::string_view text) {
    GivenSettings given;
    auto read = read_setting(given, flag, text);
    return read ? std::string() : read.error().what + ": " + read.error().why.front();
  };
  CHECK(fault("queue", "1.5") == "cannot use '--queue 1.5': a whole number from 0 to 1000000 is wanted");
  CHECK(fault("max-connections", "0") ==
        "cannot use '--max-connections 0': a whole number from 1 to 1000000 is wanted");
  CHECK(fault("max-body", "1 MB") ==
        "cannot use '--max-body 1 MB': a number of bytes, or of KiB, MiB or GiB is wanted");
  CHECK(fault("max-time", "0") == "cannot use '--max-time 0': a number of seconds above 0 is wanted");
  CHECK(fault("drain", "-1") == "cannot use '--drain -1': a number of seconds is wanted");
  CHECK(fault("drain", "nan") == "cannot use '--drain nan': a number of seconds is wanted");
  CHECK(fault("drain", "0.5") == "");
  CHECK(fault("non-finite", "nul") == "cannot use '--non-finite nul': one of strings|null|reject is wanted");
  CHECK(fault("non-finite", "null") == "");
}

TEST_CASE("the flag of a toggle has no text and makes it what it is not by default") {
  GivenSettings given;
  CHECK_FALSE(complete(given).isolate);
  CHECK(read_setting(given, "isolate", ""));
  CHECK(complete(given).isolate);
  CHECK(complete(given).page);
  CHECK(read_setting(given, "no-page", ""));
  CHECK_FALSE(complete(given).page);
  CHECK_FALSE(read_setting(given, "no-page", "maybe"));
}

TEST_CASE("sizes take units of 1024, and overflow is refused") {
  CHECK(setting::parse_bytes("12") == 12);
  CHECK(setting::parse_bytes("2 KiB") == 2048);
  CHECK(setting::parse_bytes("1GiB") == 1u << 30);
  CHECK_FALSE(setting::parse_bytes("").has_value());
  CHECK_FALSE(setting::parse_bytes("-1").has_value());
  CHECK_FALSE(setting::parse_bytes("99999999999 GiB").has_value());
}
