// What an input is made from and an output means, as it stands in the metadata of a plan.
#include "artifact/meaning.hpp"

#include <doctest/doctest.h>

using namespace modelctl::artifact;

TEST_CASE("a meaning is read as it was written") {
  Metadata metadata;
  set_meaning(metadata, Side::input, "x", {Content::image, "a file: any"});
  set_meaning(metadata, Side::output, "x", {Content::box, "in pixels"});
  CHECK(metadata.at("input.x") == "image: a file: any");
  CHECK(meaning_of(metadata, Side::input, "x").content == Content::image);
  CHECK(meaning_of(metadata, Side::input, "x").description == "a file: any");
  CHECK(meaning_of(metadata, Side::output, "x").content == Content::box);
  CHECK(meaning_of(metadata, Side::output, "y").description.empty());
}

TEST_CASE("a text that nobody wrote here describes values") {
  Metadata metadata{{"input.x", "sound: loud"}, {"input.y", ""}, {"input.z", "image"}};
  CHECK(meaning_of(metadata, Side::input, "x").content == Content::values);
  CHECK(meaning_of(metadata, Side::input, "x").description == "sound: loud");
  CHECK(meaning_of(metadata, Side::input, "y").content == Content::values);
  CHECK(meaning_of(metadata, Side::input, "z").content == Content::image);
  CHECK(meaning_of(metadata, Side::input, "z").description.empty());
}
