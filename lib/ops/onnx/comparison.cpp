// Equal, Greater, Less and their relatives: truth values, with broadcasting. NaN compares as IEEE 754 says: false.
//
// Floats are compared as f64 and integers as i64 or u64, so that no conversion changes their order; -0 equals 0.
#include "ops/reference/elementwise.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <functional>

namespace modelctl::ops {
namespace {

using graph::Expr;

// Enough for the idiom Where(Equal(sizes, -1), …): what is certainly equal or certainly different. Contents are
// integers: 1 is true and 0 is false. A size is never negative, so it differs from -1 whatever its value.
std::optional<Expr> equal(const Expr& a, const Expr& b) {
  if (a == b) return Expr(1);
  auto x = a.constant(), y = b.constant();
  if (x && y) return Expr(0);
  if ((x && *x < 0 && b.known_non_negative()) || (y && *y < 0 && a.known_non_negative())) return Expr(0);
  return std::nullopt;
}

// A comparison of sizes may be decided before the model runs: two equal expressions are equal at any size, and two
// numbers compare at once. A branch of If that depends on it is then removed by passes/inline_if.cpp. Only Equal is
// followed; the idiom needs no other comparison.
Result<void> infer_equal(Inference& call) {
  TRY(infer_comparison(call));
  contents_of_pair(call, equal);
  return {};
}

Tensor numbers() { return f32({3}, {1, 2, 3}); }

// None of them widens short floats: a comparison must see its operands as the model rounds them, or numbers that are
// equal in f16 would differ.
constexpr OpDef defs[] = {
    {
        .name = "Equal",
        .since = 19,
        .summary = "True where both are equal.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = plain_types,
        .traits = broadcasting,
        .infer = infer_equal,
        .examples =
            [] {
              return Examples{
                  {"floats", {numbers(), f32({}, {2})}, {}, {boolean({3}, {false, true, false})}},
                  {"strings", {strings({2}, {"a", "b"}), strings({2}, {"a", "c"})}, {}, {boolean({2}, {true, false})}}};
            },
    },
    {
        .name = "Less",
        .since = 13,
        .summary = "True where the first is less.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = number_types,
        .traits = broadcasting,
        .infer = infer_comparison,
        .examples =
            [] {
              return Examples{{"floats", {numbers(), f32({}, {2})}, {}, {boolean({3}, {true, false, false})}}};
            },
    },
    {
        .name = "LessOrEqual",
        .since = 16,
        .summary = "True where the first is less or both are equal.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = number_types,
        .traits = broadcasting,
        .infer = infer_comparison,
        .examples =
            [] {
              return Examples{{"floats", {numbers(), f32({}, {2})}, {}, {boolean({3}, {true, true, false})}}};
            },
    },
    {
        .name = "Greater",
        .since = 13,
        .summary = "True where the first is greater.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = number_types,
        .traits = broadcasting,
        .infer = infer_comparison,
        .examples =
            [] {
              return Examples{{"floats", {numbers(), f32({}, {2})}, {}, {boolean({3}, {false, false, true})}}};
            },
    },
    {
        .name = "GreaterOrEqual",
        .since = 16,
        .summary = "True where the first is greater or both are equal.",
        .inputs = "A B:A",
        .outputs = "C",
        .types = number_types,
        .traits = broadcasting,
        .infer = infer_comparison,
        .examples =
            [] {
              return Examples{{"floats", {numbers(), f32({}, {2})}, {}, {boolean({3}, {false, true, true})}}};
            },
    },
};

// Strings, which opset 19 added, are compared byte by byte, without Unicode normalization. They have no wide type, so
// they have a loop of their own.
Result<void> evaluate_equal(const Call& call, Outputs& outputs) {
  const TensorView &a = call.input(0), &b = call.input(1);
  if (a.type != DType::string) return binary<NumbersAndBool, std::equal_to<>, bool>(call, outputs);
  TRY(same_type(a, b));
  Dims dims = TRY(broadcast_dims(a.dims, b.dims));
  auto out = TRY(outputs.allocate(0, DType::boolean, dims)).as<bool>();
  auto left = a.as<std::string>(), right = b.as<std::string>();
  for_each_pair(a, b, dims, [&](std::int64_t i, std::int64_t at, std::int64_t bt) {
    out[static_cast<std::size_t>(i)] = left[static_cast<std::size_t>(at)] == right[static_cast<std::size_t>(bt)];
  });
  return {};
}

constexpr OpRun runs[] = {
    {"", "Equal", evaluate_equal},
    {"", "Less", binary<Numbers, std::less<>, bool>},
    {"", "LessOrEqual", binary<Numbers, std::less_equal<>, bool>},
    {"", "Greater", binary<Numbers, std::greater<>, bool>},
    {"", "GreaterOrEqual", binary<Numbers, std::greater_equal<>, bool>},
};

}  // namespace

std::span<const OpDef> comparison_ops() { return defs; }
std::span<const OpRun> comparison_runs() { return runs; }

}  // namespace modelctl::ops
