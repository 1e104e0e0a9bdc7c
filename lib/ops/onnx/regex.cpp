// RegexFullMatch: which texts a regular expression matches from end to end. A pattern that does not compile fails the
// build of the model.
//
// RE2 matches in time linear in the text, without backtracking: neither a pattern nor a text that a client sends can
// make a run take exponential time. In return it has no backreferences and no lookaround.
//
// Smallest runner: full, since RE2 is only in that one (ops/reference/pattern.hpp).
#include "ops/reference/pattern.hpp"
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

// Compiled in each call: the run half keeps nothing between calls.
Result<Pattern> pattern_of(const Attributes& attributes) {
  return Pattern::compile(attributes.text("pattern"), Pattern::Prefer::first);
}

Result<void> infer(Inference& call) {
  DType element = call.element(0);
  if (element != DType::undefined && element != DType::string) {
    return call.bad("its input must be string, not " + std::string(name(element)));
  }
  auto pattern = pattern_of(call.attributes());
  if (!pattern) return call.bad(pattern.error().what);
  TRY(infer_comparison(call));
  return {};
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  if (x.type != DType::string) return refuse("the input must be string, not " + std::string(name(x.type)));
  Pattern pattern = TRY(pattern_of(call.attributes));
  bool* out = TRY(outputs.allocate(0, DType::boolean, x.dims)).as<bool>().data();
  for (const std::string& text : x.as<std::string>()) *out++ = pattern.matches_all(text);
  return {};
}

constexpr AttributeDef attributes[] = {
    {"pattern", AttributeType::text, "a regular expression as RE2 reads it; empty if absent"}};

constexpr OpDef defs[] = {
    {
        .name = "RegexFullMatch",
        .since = 20,
        .summary = "Whether a regular expression matches each string from end to end.",
        .inputs = "X",
        .outputs = "Y",
        .types = "string",
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              return Examples{{"words of letters, any letters",
                               {strings({3}, {"abc", "äb", "a1"})},
                               {{"pattern", std::string("\\pL+")}},
                               {boolean({3}, {true, true, false})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "RegexFullMatch", evaluate}};

}  // namespace

std::span<const OpDef> regex_ops() { return defs; }
std::span<const OpRun> regex_runs() { return runs; }

}  // namespace modelctl::ops
