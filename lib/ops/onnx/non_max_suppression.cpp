// NonMaxSuppression: greedy selection of boxes by score; a box that overlaps a selected one of its class too much is
// dropped.
//
// For each batch and class (Neubeck and Van Gool, 2006): take the candidates in descending order of their scores; keep
// one if its intersection over union with every box kept before is at most iou_threshold; stop at
// max_output_boxes_per_class. Classes do not suppress each other. The output lists [batch, class, box] by batch, then
// class, then descending score.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <cmath>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

// The number of selected boxes depends on the data.
Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 3, 3));
  TRY(need_rank(call, 1, 3, 3));
  const Shape *boxes = call.shape(0), *scores = call.shape(1);
  if (boxes != nullptr) TRY(same_size(call, (*boxes)[2], Expr(4)));
  if (boxes != nullptr && scores != nullptr) {
    TRY(same_size(call, (*boxes)[0], (*scores)[0]));
    TRY(same_size(call, (*boxes)[1], (*scores)[2]));
  }
  call.set_output(0, DType::i64, Shape{call.fresh_symbol(), Expr(3)});
  return {};
}

// In f32, as the operator is defined: at the threshold the last bit decides. The area is computed once for a box and
// not for each pair.
struct Box {
  float top, left, bottom, right, area;
};

// Exporters write the two corners in either order, as the specification permits; centered boxes are x, y, width,
// height. Both forms become sorted corners, y before x.
Box box_of(const float* at, bool centered) {
  Box box{};
  if (centered) {
    float half_width = at[2] / 2, half_height = at[3] / 2;
    box = {at[1] - half_height, at[0] - half_width, at[1] + half_height, at[0] + half_width, 0};
  } else {
    box = {std::min(at[0], at[2]), std::min(at[1], at[3]), std::max(at[0], at[2]), std::max(at[1], at[3]), 0};
  }
  box.area = (box.bottom - box.top) * (box.right - box.left);
  return box;
}

// Intersection over union, in f32 as the reference implementation of the specification: the threshold decides by a last
// bit.
//
//   IoU(a, b) = common / (area(a) + area(b) - common)
//
// Boxes that only touch have no common area and do not overlap, not even at threshold 0. Neither does a box without
// area or with a NaN: comparisons are written so that NaN fails them, and such a box suppresses nothing.
bool overlap(const Box& a, const Box& b, float threshold) {
  float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  if (!(height > 0 && width > 0)) return false;
  float common = height * width, both = a.area + b.area - common;
  return common > 0 && a.area > 0 && b.area > 0 && both > 0 && common / both > threshold;
}

// Candidates are sorted by score, equal ones by index, so the result does not depend on the sort. Each is compared with
// those selected so far only: n log n + n k for k selected boxes.
Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &boxes = call.input(0), &scores = call.input(1);
  if (boxes.type != DType::f32 || scores.type != DType::f32) return refuse("boxes and scores must be f32");
  if (boxes.rank() != 3 || scores.rank() != 3 || boxes.dim(2) != 4 || boxes.dim(0) != scores.dim(0) ||
      boxes.dim(1) != scores.dim(2)) {
    return refuse("boxes must be [batches, boxes, 4] and scores [batches, classes, boxes]");
  }
  // Without max_output_boxes_per_class the specification's default of 0 holds: nothing is selected.
  std::int64_t batches = scores.dim(0), classes = scores.dim(1), count = scores.dim(2), most = 0;
  if (call.input(2).present()) most = TRY(one_integer(call.input(2), "max_output_boxes_per_class"));
  float threshold = call.input(3).present() ? static_cast<float>(TRY(one_number(call.input(3), "iou_threshold"))) : 0;
  float least = call.input(4).present() ? static_cast<float>(TRY(one_number(call.input(4), "score_threshold")))
                                        : -std::numeric_limits<float>::infinity();
  // Without a score threshold all scores qualify, minus infinity too, which no "greater than" could express. NaN never
  // qualifies: it has no place in the order by score.
  bool all_scores = !call.input(4).present(), centered = call.attributes.integer("center_point_box") != 0;
  // Written so that a NaN is refused too.
  if (!(threshold >= 0 && threshold <= 1)) return refuse("iou_threshold must be in [0, 1]");

  Dims found;
  std::vector<Box> all, kept;
  std::vector<std::int64_t> order;
  for (std::int64_t batch = 0; most > 0 && batch < batches; ++batch) {
    all.clear();
    for (std::int64_t i = 0; i < count; ++i) {
      all.push_back(box_of(boxes.as<float>().data() + (batch * count + i) * 4, centered));
    }
    // The boxes of a batch are shared by its classes; only scores differ.
    for (std::int64_t kind = 0; kind < classes; ++kind) {
      const float* score = scores.as<float>().data() + (batch * classes + kind) * count;
      order.clear();
      for (std::int64_t i = 0; i < count; ++i) {
        if (score[i] > least || (all_scores && !std::isnan(score[i]))) order.push_back(i);
      }
      std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) { return score[a] > score[b]; });
      kept.clear();
      for (std::int64_t i : order) {
        if (static_cast<std::int64_t>(kept.size()) == most || call.interrupted()) break;
        const Box& box = all[static_cast<std::size_t>(i)];
        bool hidden =
            std::any_of(kept.begin(), kept.end(), [&](const Box& better) { return overlap(box, better, threshold); });
        if (hidden) continue;
        kept.push_back(box);
        found.insert(found.end(), {batch, kind, i});
      }
    }
  }
  MutableTensorView y = TRY(outputs.allocate(0, DType::i64, Dims{static_cast<std::int64_t>(found.size() / 3), 3}));
  std::copy(found.begin(), found.end(), y.as<std::int64_t>().begin());
  return {};
}

constexpr AttributeDef attributes[] = {{"center_point_box", AttributeType::integer,
                                        "0, if absent: boxes are two corners, y before x; 1: x and y of the middle, "
                                        "width, height"}};

constexpr OpDef defs[] = {
    {
        .name = "NonMaxSuppression",
        .since = 11,
        .summary = "The best-scored boxes of each class that do not overlap a better one.",
        .inputs = "boxes scores:f32 max_output_boxes_per_class?:i64 iou_threshold?:f32 score_threshold?:f32",
        .outputs = "selected_indices",
        .types = "f32",
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              Tensor corners = f32({1, 3, 4}, {0, 0, 1, 1, 0, 0.1f, 1, 1.1f, 0, 10, 1, 11});
              Tensor scores = f32({1, 1, 3}, {0.5f, 0.9f, 0.6f}), half = f32({}, {0.5f});
              return Examples{{"two of them overlap",
                               {corners, scores, i64({}, {3}), half},
                               {},
                               {i64({2, 3}, {0, 0, 1, 0, 0, 2})},
                               0},
                              {"only good ones",
                               {corners, scores, i64({}, {3}), half, f32({}, {0.7f})},
                               {},
                               {i64({1, 3}, {0, 0, 1})},
                               0},
                              {"of equal scores, the first",
                               {f32({1, 2, 4}, {0, 0, 2, 2, 0, 0, 2, 2}), f32({1, 1, 2}, {1, 1}), i64({1}, {2}), half},
                               {{"center_point_box", std::int64_t{1}}},
                               {i64({1, 3}, {0, 0, 0})},
                               0},
                              {"none if no number is given", {corners, scores}, {}, {i64({0, 3}, {})}, 0}};
            },
    },
};
constexpr OpRun runs[] = {{"", "NonMaxSuppression", evaluate}};

}  // namespace

std::span<const OpDef> non_max_suppression_ops() { return defs; }
std::span<const OpRun> non_max_suppression_runs() { return runs; }

}  // namespace modelctl::ops
