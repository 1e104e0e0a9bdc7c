// The events as programs read them: every field is one that the published schema has, and none that it requires is
// missing.
#include "serve/events.hpp"

#include "base/files.hpp"
#include "base/json.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::serve;

namespace {

constexpr EventTime at{std::chrono::milliseconds(1'700'000'000'042)};

Json parsed(const Event& event) {
  auto json = parse_json(event.json, "event");
  REQUIRE(json);
  CHECK(event.json.find('\n') == std::string::npos);
  return *json;
}

// The names of the members that the schema requires but the object lacks, and of those that it does not define.
std::string differences(const Json& object, const Json& schema) {
  std::string found;
  for (const auto& name : schema.value("required", Json::array())) {
    if (!object.contains(name.get<std::string>())) found += "-" + name.get<std::string>();
  }
  for (const auto& [name, value] : object.items()) {
    if (!schema["properties"].contains(name)) found += "+" + name;
  }
  return found;
}

// As `differences`, of an event: the schema has one form for each, and members that all have.
std::string differences_of_event(Json event) {
  auto schema = parse_json(read_text_file(MODELCTL_SOURCE_DIR "/docs/reference/serve-events.schema.json").value(), "");
  REQUIRE(schema);
  for (const Json& form : (*schema)["oneOf"]) {
    if (form["properties"]["event"]["const"] != event["event"]) continue;
    std::string found;
    for (const Json& model : event.value("models", Json::array()))
      found += differences(model, form["properties"]["models"]["items"]);
    CHECK(event.contains("time"));
    event.erase("time");
    return found + differences(event, form);
  }
  return "there is no form of this name";
}

}  // namespace

TEST_CASE("every event has the fields of the schema") {
  ModelInfo bare, packed{"digits", "1.0", "sha256:0", "me.pub", {}, "team/digits"};
  ModelInfo models[] = {bare, packed};
  Error error(Kind::untrusted, "altered", "cannot go on");
  for (const Event& event :
       {listening_event({"http", "127.0.0.1", 8080}, at), ready_event(models, at), ready_event({}, at),
        draining_event(DrainReason::signal, 10, at), draining_event(DrainReason::altered, 0.5, at),
        draining_event(DrainReason::replaced, 1, at), replacing_event(4711, at), replaced_event(4711, nullptr, at),
        replaced_event(-1, &error, at), reloaded_event("certificate", "", nullptr, at),
        reloaded_event("certificate", "", &error, at),
        fault_event({"digits", "1.0", "killed", "it was killed", 1, std::chrono::milliseconds(100)}, at),
        recovered_event({"digits", "1.0", "", "", 1, {}}, at), stopped_event(nullptr, at), stopped_event(&error, at)}) {
    CAPTURE(event.json);
    CHECK(differences_of_event(parsed(event)) == "");
  }
}

TEST_CASE("an event has its name, the time in UTC and what happened") {
  Json event = parsed(listening_event({"https", "::", 8443}, at));
  CHECK(event["event"] == "listening");
  CHECK(event["time"] == "2023-11-14T22:13:20.042Z");
  CHECK(event["port"] == 8443);
  CHECK(event["url"] == "https://[::]:8443");
}

TEST_CASE("a model without a package has a name and a version only") {
  ModelInfo model{"digits", "1", "", "", {}};
  CHECK(parsed(ready_event({&model, 1}, at))["models"] == Json::array({{{"name", "digits"}, {"version", "1"}}}));
}

TEST_CASE("the line for people names every model") {
  ModelInfo models[] = {{"digits", "1.0", "", "me.pub", {}}, {"cats", "2", "", "", {}}};
  CHECK(ready_event(models, at).text == "ready: 'digits' version 1.0, signed by me.pub; 'cats' version 2");
}

TEST_CASE("a name that is not UTF-8 leaves an event JSON") {
  ModelInfo model{"\xff", "1", "", "", {}};
  CHECK(parsed(ready_event({&model, 1}, at))["models"][0]["name"] == "\xef\xbf\xbd");
}
