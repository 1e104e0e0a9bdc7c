// How errors of a model get the file and the help that the reader could not know.
#include "actions/model_faults.hpp"
#include "graph/text.hpp"

#include <doctest/doctest.h>

using namespace modelctl;

TEST_CASE("an error of a model names its file, and a remedy") {
  auto graph = graph::parse_text("graph \"g\" {\n  input x: f32[batch,rows]\n  output x\n}");
  REQUIRE(graph);
  std::map<std::string, std::int64_t> bindings{{"batch", 1}};
  std::filesystem::path file = "m.onnx";
  Error error = actions::in_model(Error(Kind::unsupported, "unknown-type", "cannot").at("node 'a'"),
                                  {file, graph->get(), bindings});
  CHECK(error.where == "m.onnx: node 'a'");
  CHECK(error.hint == "if it is a matter of sizes, fix one: --bind rows=N");
}

TEST_CASE("an error with file and help is not changed, alone or among others") {
  std::filesystem::path file = "m.onnx";
  Faults faults;
  faults.add(Error(Kind::bad_input, "bad-node", "cannot").at("m.onnx: node 'a'").help("do"));
  faults.add(Error(Kind::unsupported, "unsupported-type", "cannot"));
  Error error = actions::in_model(std::move(faults).sum("cannot"), {file, nullptr, {}});
  CHECK(error.faults.at(0).where == "m.onnx: node 'a'");
  CHECK(error.faults.at(0).hint == "do");
  CHECK(error.faults.at(1).where == "m.onnx");
  CHECK(error.faults.at(1).hint == "export that part in f32, or put a Cast before it");
}
