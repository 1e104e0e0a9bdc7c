// ReverseSequence: each sequence of a batch reversed within its own length; what follows the length stays.
//
// Smallest runner: regular, since only older exporters of bidirectional cells write it.
#include "ops/reference/storage.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

namespace modelctl::ops {
namespace {

// True if time is axis 0. The specification permits no other axes than these two, in either order.
Result<bool> time_first(const Attributes& attributes) {
  std::int64_t batch = attributes.integer("batch_axis", 1), time = attributes.integer("time_axis", 0);
  if ((batch != 0 || time != 1) && (batch != 1 || time != 0)) return refuse("batch_axis and time_axis must be 0 and 1");
  return time == 0;
}

Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 2));
  TRY(need_rank(call, 1, 1, 1));
  auto first = time_first(call.attributes());
  if (!first) return call.bad(first.error().what);
  if (call.shape(0) != nullptr && call.shape(1) != nullptr) {
    TRY(same_size(call, (*call.shape(0))[*first ? 1 : 0], (*call.shape(1))[0]));
  }
  return infer_same(call);
}

// y[t] = x[length - 1 - t] for t < length, and x[t] after that. X is [steps, batch, inner] or [batch, steps, inner]; a
// step of one sequence is `inner` contiguous elements, copied together. Lengths are data: all of them are checked
// before the output is allocated.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  TRY(need_rank(x, 2, "input"));
  bool first = TRY(time_first(call.attributes));
  Dims lengths = TRY(integers(call.input(1), "sequence_lens"));
  std::int64_t steps = x.dim(first ? 0 : 1), batch = x.dim(first ? 1 : 0), inner = product(x.dims.subspan(2));
  if (static_cast<std::int64_t>(lengths.size()) != batch) return refuse("there must be one length for each sequence");
  for (std::int64_t length : lengths) {
    if (length < 0 || length > steps) {
      return refuse("sequence_lens has " + std::to_string(length) + " of " + std::to_string(steps) + " steps");
    }
  }
  MutableTensorView y = TRY(outputs.allocate(0, x.type, x.dims));
  return for_storage(x.type, [&]<class T>() -> Result<void> {
    const T* in = x.as<T>().data();
    T* out = y.as<T>().data();
    for (std::int64_t b = 0; b < batch; ++b) {
      std::int64_t length = lengths[static_cast<std::size_t>(b)];
      auto place = [&](std::int64_t t) { return (first ? t * batch + b : b * steps + t) * inner; };
      for (std::int64_t t = 0; t < steps; ++t) {
        const T* from = in + place(t < length ? length - 1 - t : t);
        std::copy(from, from + inner, out + place(t));
      }
    }
    return {};
  });
}

constexpr AttributeDef attributes[] = {{"batch_axis", AttributeType::integer, "1 if absent; or 0"},
                                       {"time_axis", AttributeType::integer, "0 if absent; or 1"}};

constexpr OpDef defs[] = {
    {
        .name = "ReverseSequence",
        .since = 10,
        .summary = "Each sequence of a batch, reversed within its length.",
        .inputs = "input sequence_lens:i64",
        .outputs = "Y",
        .types = any_type,
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              return Examples{{"time first",
                               {f32({3, 2}, {1, 2, 3, 4, 5, 6}), i64({2}, {3, 2})},
                               {},
                               {f32({3, 2}, {5, 4, 3, 2, 1, 6})},
                               0},
                              {"batch first",
                               {f32({2, 3}, {1, 2, 3, 4, 5, 6}), i64({2}, {1, 2})},
                               {{"batch_axis", std::int64_t{0}}, {"time_axis", std::int64_t{1}}},
                               {f32({2, 3}, {1, 2, 3, 5, 4, 6})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "ReverseSequence", evaluate}};

}  // namespace

std::span<const OpDef> reverse_sequence_ops() { return defs; }
std::span<const OpRun> reverse_sequence_runs() { return runs; }

}  // namespace modelctl::ops
