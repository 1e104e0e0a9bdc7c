// RegexFullMatch: whether a regular expression matches a string from end to end, in RE2's syntax and by RE2 itself,
// whose time is linear in the string for every pattern.
//
// Smallest runner: full, since RE2 and its Unicode tables take 400 KB, and Debian's archive of it is not position
// independent.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <re2/re2.h>

namespace modelctl::ops {
namespace {

constexpr std::int64_t most_memory = 8 << 20;  // of a compiled pattern and its automata

Result<std::unique_ptr<const RE2>> pattern_of(const Attributes& attributes) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(most_memory);
  std::string pattern(attributes.text("pattern"));
  auto compiled = std::make_unique<const RE2>(pattern, options);
  if (!compiled->ok()) return refuse("'" + pattern.substr(0, 80) + "' is not a pattern: " + compiled->error());
  return compiled;
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
  auto pattern = TRY(pattern_of(call.attributes));
  bool* out = TRY(outputs.allocate(0, DType::boolean, x.dims)).as<bool>().data();
  for (const std::string& text : x.as<std::string>()) *out++ = RE2::FullMatch(text, *pattern);
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
