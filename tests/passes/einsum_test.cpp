// The result of expand-einsum computes the same as Einsum's reference implementation.
#include "graph/text.hpp"
#include "passes/pass.hpp"

#include "interpret.hpp"

#include <doctest/doctest.h>

#include <map>

namespace modelctl::passes {
namespace {

// Small whole numbers, so that sums are exact in any order.
Tensor numbers(Dims dims, std::int64_t seed) {
  Tensor tensor(DType::f32, std::move(dims));
  std::int64_t i = seed;
  for (float& value : tensor.mutable_view().as<float>()) value = static_cast<float>(i++ * 37 % 11 - 5);
  return tensor;
}

struct Case {
  const char* equation;
  std::vector<Dims> inputs;
  bool expands = true;
};

TEST_CASE("products of matrices, batches, flattened and outer ones give what Einsum gives") {
  const Case cases[] = {{"ij,jk->ik", {{2, 3}, {3, 4}}},
                        {"ij,kj", {{2, 3}, {4, 3}}},
                        {"ji,jk->ki", {{3, 2}, {3, 4}}},
                        {"bij,bjk->bik", {{5, 2, 3}, {5, 3, 4}}},
                        {"bqhd,bkhd->bhqk", {{2, 3, 4, 5}, {2, 6, 4, 5}}},
                        {"bhqk,bkhd->bqhd", {{2, 4, 3, 6}, {2, 6, 4, 5}}},
                        {"bsd,dhe->bshe", {{2, 3, 4}, {4, 2, 5}}},
                        {"bshe,hed->bsd", {{2, 3, 4, 5}, {4, 5, 6}}},
                        {"bshe,hdef->bsdf", {{2, 3, 4, 5}, {4, 6, 5, 2}}},
                        {"ab,cd->acbd", {{2, 3}, {4, 5}}},
                        {"i,i->", {{4}, {4}}},
                        {"i,j->ji", {{2}, {3}}},
                        {"abc,c->ab", {{2, 3, 4}, {4}}},
                        {"c,abc->ba", {{4}, {2, 3, 4}}},
                        {"ijk->ki", {{2, 3, 4}}},
                        {"ij->ij", {{2, 3}}},
                        {"abc,bd->ad", {{2, 3, 4}, {3, 5}}},
                        {"...ij,...jk->...ik", {{5, 1, 2, 3}, {6, 3, 4}}},
                        {"...ij,jk->ik...", {{5, 2, 3}, {3, 4}}},
                        {"ab,bc,cd->ad", {{2, 3}, {3, 4}, {4, 5}}},
                        {"a,b,c->", {{2}, {3}, {4}}},
                        {"xyzab,xyzcb->xyac", {{2, 1, 3, 2, 3}, {2, 1, 3, 4, 3}}},
                        {"ii,ij->j", {{3, 3}, {3, 2}}, false},
                        {"ij,jk->ik", {{2, 1}, {3, 4}}, false},
                        {"...i,...i->i", {{5, 2}, {5, 2}}, false}};
  for (const Case& each : cases) {
    for (bool symbols : {false, true}) {
      CAPTURE(std::string(each.equation));
      graph::Graph graph;
      std::vector<graph::Value*> operands;
      std::vector<Tensor> inputs;
      for (std::size_t i = 0; i < each.inputs.size(); ++i) {
        graph::Shape shape;
        for (std::int64_t size : each.inputs[i]) {
          shape.push_back(symbols && each.expands ? graph::Expr::symbol("n" + std::to_string(size))
                                                  : graph::Expr(size));
        }
        operands.push_back(graph.add_input("x" + std::to_string(i), {DType::f32, shape}));
        inputs.push_back(numbers(each.inputs[i], static_cast<std::int64_t>(i) * 5 + 1));
      }
      graph::Node* node = graph.add_node("", "Einsum", operands, {"y"});
      node->attributes.set("equation", std::string(each.equation));
      graph.add_output(node->output(0), "y");
      REQUIRE(find("infer")->run(graph, {}).has_value());
      auto want = test::interpret(graph, inputs);
      REQUIRE_MESSAGE(want.has_value(), (want ? "" : want.error().what));
      auto changed = find("expand-einsum")->run(graph, {});
      REQUIRE(changed.has_value());
      CHECK((*changed > 0) == each.expands);
      REQUIRE(verify(graph).has_value());
      auto got = test::interpret(graph, inputs);
      REQUIRE_MESSAGE(got.has_value(), (got ? "" : got.error().what));
      CHECK(test::difference((*got)[0], (*want)[0], 0) == "");
    }
  }
}

}  // namespace
}  // namespace modelctl::passes
