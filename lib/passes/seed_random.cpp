// noise = RandomNormal()  ->  noise = RandomNormal(seed = made of the name 'noise')
// For random nodes without a seed: two of them differ, and a model takes the same samples in each run on each machine.
// At every level, since the optimization level must not change what a model computes.
#include "ops/schema/operator.hpp"
#include "passes/pass.hpp"

namespace modelctl::passes {
namespace {

// FNV-1a, folded to what an f32 holds exactly.
// An f32 holds integers below 2^24 exactly; the upper byte is mixed in and not lost.
float seed_of(std::string_view name) {
  std::uint32_t hash = 2166136261u;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return static_cast<float>((hash >> 24) ^ (hash & 0xffffffu));
}

Result<std::size_t> run(graph::Graph& graph, const PassContext&) {
  std::size_t changes = 0;
  for_each_graph(graph, [&](graph::Graph& each) {
    each.for_each_node([&](graph::Node& node) {
      const ops::OpDef* def = ops::find(node.domain, node.op);
      if (def == nullptr || !def->impure || node.attributes.has("seed") || node.output(0) == nullptr) return;
      for (const ops::AttributeDef& attribute : def->attributes) {
        if (attribute.name != "seed") continue;
        float seed = seed_of(node.output(0)->name);
        if (attribute.type == ops::AttributeType::number) node.attributes.set("seed", seed);
        else node.attributes.set("seed", static_cast<std::int64_t>(seed));
        ++changes;
      }
    });
  });
  return changes;
}

constexpr PassDef defs[] = {{
    .name = "seed-random",
    .summary = "Gives each random node without a seed one of its own.",
    .phase = Phase::bind,
    .order = 20,
    .level = 0,
    .run = run,
}};

}  // namespace

std::span<const PassDef> seed_random_pass() { return defs; }

}  // namespace modelctl::passes
