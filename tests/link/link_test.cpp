// Linked files: layout, determinism, and damaged ones.
#include "link/link.hpp"

#include "artifact/appended.hpp"
#include "artifact/integrity.hpp"
#include "support/plans.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using test::PlanMaker;
using test::Scratch;

namespace {

artifact::Artifact small() {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {3});
  maker.constant("w", Tensor::of<float>(DType::f32, {3}, {1, 2, 3}));
  maker.output("x", x);
  return maker.artifact().value();
}

const std::string program(5000, 'p');

}  // namespace

TEST_CASE("a linked file holds the template, the artifact on a page, and a footer that leads to it") {
  Scratch scratch;
  auto linked = link::link(small(), as_bytes(program), scratch / "x");
  REQUIRE(linked);
  CHECK(linked->file_bytes == std::filesystem::file_size(scratch / "x"));
  CHECK(linked->file_bytes == 8192 + 4096 + 12 + artifact::footer_bytes);
  auto bytes = read_file(scratch / "x").value();
  CHECK(as_text(ByteSpan(bytes).first(program.size())) == program);
  CHECK((std::filesystem::status(scratch / "x").permissions() & std::filesystem::perms::mask) ==
        std::filesystem::perms(0755));

  auto opened = artifact::open_appended(scratch / "x", "x");
  REQUIRE(opened);
  CHECK(opened->plan.signature.inputs.at(0).name == "x");
  CHECK(opened->weights.size() == 12);
  CHECK(opened->integrity->check().has_value());
}

TEST_CASE("the same artifact gives the same file") {
  Scratch scratch;
  REQUIRE(link::link(small(), as_bytes(program), scratch / "x"));
  REQUIRE(link::link(small(), as_bytes(program), scratch / "y"));
  CHECK(read_file(scratch / "x").value() == read_file(scratch / "y").value());
}

TEST_CASE("a program without an artifact reports it") {
  Scratch scratch;
  REQUIRE(write_file(scratch / "x", as_bytes(program)));
  auto opened = artifact::open_appended(scratch / "x", "x");
  REQUIRE(!opened);
  CHECK(opened.error().code == "no-artifact-inside");
  CHECK(opened.error().what == "cannot find a model in 'x'");
}

TEST_CASE("a linked file with a byte missing or too many is refused") {
  Scratch scratch;
  REQUIRE(link::link(small(), as_bytes(program), scratch / "x"));
  auto bytes = read_file(scratch / "x").value();
  auto footer = std::vector<std::byte>(bytes.end() - artifact::footer_bytes, bytes.end());
  auto refused = [&](std::vector<std::byte> body) {
    body.insert(body.end(), footer.begin(), footer.end());
    REQUIRE(write_file(scratch / "y", body));
    auto opened = artifact::open_appended(scratch / "y", "y");
    REQUIRE(!opened);
    return opened.error().what;
  };
  bytes.resize(bytes.size() - artifact::footer_bytes);
  auto longer = bytes, shorter = bytes;
  longer.push_back({});
  shorter.pop_back();
  CHECK(refused(longer) == "cannot read the model in 'y': it is damaged");
  CHECK(refused(shorter) == "cannot read the model in 'y': it is damaged");
  CHECK(refused({}) == "cannot read the model in 'y': it is damaged");
}
