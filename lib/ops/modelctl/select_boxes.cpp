// modelctl::SelectBoxes: the boxes of each image that score best and do not overlap a better one of their class, as
// many places for each image as may be found. Other than NonMaxSuppression's list, whose length depends on the data,
// this is a tensor per output with the batch first, so that its size is known and batches can be told apart.
//
//   boxes f32[n,k,4] (left, top, right, bottom), scores f32[n,k,c]
//     -> f32[n,most,4], f32[n,most], i64[n,most]; places that nothing was found for have score 0 and class c
//
// Each box is a candidate for its best class alone (of equal ones the first), as in Ultralytics' and most exporters'
// post-processing. With the placements of the images (modelctl::DecodeImages) the boxes that are left are moved from
// the pixels that the model sees to those of the image file, and cut at its edges.
//
// Smallest runner: regular, since only detectors need it.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <cmath>

namespace modelctl::ops {
namespace {

using graph::Expr;
using graph::Shape;

constexpr std::int64_t most_places = 10'000;

struct Box {
  float left, top, right, bottom;
  float area() const { return (right - left) * (bottom - top); }
};

struct Candidate {
  float score;
  std::int64_t kind, box;
};

// Intersection over union. A box without area, or with a NaN, overlaps nothing: comparisons are written so that NaN
// fails them.
bool overlap(const Box& a, const Box& b, float threshold) {
  float width = std::min(a.right, b.right) - std::max(a.left, b.left);
  float height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  if (!(width > 0 && height > 0)) return false;
  float common = width * height, both = a.area() + b.area() - common;
  return both > 0 && common / both > threshold;
}

struct Settings {
  float score = 0, overlap = 0;
  std::int64_t most = 0;
};

Result<Settings> settings_of(const Attributes& attributes) {
  Settings settings{attributes.number("score_threshold"), attributes.number("iou_threshold", 0.5f),
                    attributes.integer("most")};
  if (settings.most < 1 || settings.most > most_places) return refuse("most must be from 1 to 10000");
  if (!(settings.overlap >= 0 && settings.overlap <= 1)) return refuse("iou_threshold must be in [0, 1]");
  return settings;
}

// The best class of each box that scores above the threshold, the best box first; of equal ones the first.
std::vector<Candidate> candidates_of(std::span<const float> scores, std::int64_t boxes, std::int64_t kinds,
                                     float threshold) {
  std::vector<Candidate> found;
  for (std::int64_t box = 0; box < boxes; ++box) {
    auto row = scores.subspan(static_cast<std::size_t>(box * kinds), static_cast<std::size_t>(kinds));
    auto best = std::max_element(row.begin(), row.end());
    if (best != row.end() && *best > threshold) found.push_back({*best, best - row.begin(), box});
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Candidate& a, const Candidate& b) { return a.score > b.score; });
  return found;
}

// Greedy selection (Neubeck and Van Gool, 2006). Each candidate is compared with those selected so far, of which there
// are `most` at most, so that the time is bounded by their number times the boxes.
std::vector<Candidate> selected(const Call& call, const std::vector<Candidate>& candidates,
                                std::span<const float> boxes, const Settings& settings) {
  auto box_of = [&](const Candidate& of) {
    const float* at = &boxes[static_cast<std::size_t>(of.box) * 4];
    return Box{at[0], at[1], at[2], at[3]};
  };
  std::vector<Candidate> kept;
  for (const Candidate& candidate : candidates) {
    if (static_cast<std::int64_t>(kept.size()) == settings.most || call.interrupted()) break;
    Box box = box_of(candidate);
    bool hidden = std::any_of(kept.begin(), kept.end(), [&](const Candidate& better) {
      return better.kind == candidate.kind && overlap(box_of(better), box, settings.overlap);
    });
    if (!hidden) kept.push_back(candidate);
  }
  return kept;
}

// From the model's pixels to the file's.
void move_to_image(std::span<float> box, std::span<const float> place) {
  for (std::size_t edge = 0; edge < 4; ++edge) {
    std::size_t axis = edge % 2;
    box[edge] = std::clamp((box[edge] - place[2 + axis]) / place[axis], 0.0f, std::max(place[4 + axis], 0.0f));
  }
}

Result<void> infer(Inference& call) {
  TRY(need_rank(call, 0, 3, 3));
  TRY(need_rank(call, 1, 3, 3));
  auto settings = settings_of(call.attributes());
  if (!settings) return call.bad(settings.error().what);
  const Shape *boxes = call.shape(0), *scores = call.shape(1);
  if (boxes != nullptr) TRY(same_size(call, (*boxes)[2], Expr(4)));
  if (boxes != nullptr && scores != nullptr) TRY(same_size(call, (*boxes)[1], (*scores)[1]));
  Expr count = boxes != nullptr ? (*boxes)[0] : call.fresh_symbol(), most(settings->most);
  call.set_output(0, DType::f32, Shape{count, most, Expr(4)});
  call.set_output(1, DType::f32, Shape{count, most});
  call.set_output(2, DType::i64, Shape{count, most});
  return {};
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView &boxes = call.input(0), &scores = call.input(1), &places = call.input(2);
  if (boxes.type != DType::f32 || scores.type != DType::f32) return refuse("boxes and scores must be f32");
  if (boxes.rank() != 3 || scores.rank() != 3 || boxes.dim(2) != 4 || boxes.dim(0) != scores.dim(0) ||
      boxes.dim(1) != scores.dim(1)) {
    return refuse("boxes must be [images, boxes, 4] and scores [images, boxes, classes]");
  }
  bool moves = places.present();
  if (moves && (places.type != DType::f32 || places.rank() != 2 || places.dim(0) != boxes.dim(0) || places.dim(1) != 6))
    return refuse("placements must be f32[images, 6]");
  Settings settings = TRY(settings_of(call.attributes));
  std::int64_t images = boxes.dim(0), count = boxes.dim(1), kinds = scores.dim(2);
  auto y = TRY(outputs.allocate(0, DType::f32, Dims{images, settings.most, 4})).as<float>();
  auto y_scores = TRY(outputs.allocate(1, DType::f32, Dims{images, settings.most})).as<float>();
  auto y_kinds = TRY(outputs.allocate(2, DType::i64, Dims{images, settings.most})).as<std::int64_t>();
  std::fill(y.begin(), y.end(), 0.0f);
  std::fill(y_scores.begin(), y_scores.end(), 0.0f);
  std::fill(y_kinds.begin(), y_kinds.end(), kinds);
  for (std::int64_t image = 0; image < images; ++image) {
    auto part = [&](const TensorView& of, std::int64_t size) {
      return of.as<float>().subspan(static_cast<std::size_t>(image * size), static_cast<std::size_t>(size));
    };
    auto own = part(boxes, count * 4);
    auto kept = selected(call, candidates_of(part(scores, count * kinds), count, kinds, settings.score), own, settings);
    auto place = static_cast<std::size_t>(image * settings.most);
    for (const Candidate& candidate : kept) {
      auto to = y.subspan(place * 4, 4);
      std::copy_n(&own[static_cast<std::size_t>(candidate.box) * 4], 4, to.begin());
      if (moves) move_to_image(to, part(places, 6));
      y_scores[place] = candidate.score;
      y_kinds[place++] = candidate.kind;
    }
  }
  return {};
}

constexpr AttributeDef attributes[] = {
    {"score_threshold", AttributeType::number, "what a score must exceed; 0 if absent"},
    {"iou_threshold", AttributeType::number, "the largest overlap with a better box of the class; 0.5 if absent"},
    {"most", AttributeType::integer, "boxes for each image, 1 to 10000", true}};

constexpr OpDef defs[] = {
    {
        .domain = "modelctl",
        .name = "SelectBoxes",
        .since = 1,
        .summary = "The best boxes of each image that do not overlap a better one of their class.",
        .inputs = "boxes scores:f32 placements?:f32",
        .outputs = "selected selected_scores selected_classes",
        .types = "f32",
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              Tensor boxes = f32({1, 3, 4}, {0, 0, 10, 10, 1, 0, 11, 10, 20, 0, 30, 10});
              Tensor scores = f32({1, 3, 2}, {0.5f, 0.1f, 0.9f, 0.2f, 0.1f, 0.6f});
              return Examples{{"two of a class overlap",
                               {boxes, scores},
                               {{"most", std::int64_t{3}}, {"iou_threshold", 0.5f}},
                               {f32({1, 3, 4}, {1, 0, 11, 10, 20, 0, 30, 10, 0, 0, 0, 0}), f32({1, 3}, {0.9f, 0.6f, 0}),
                                i64({1, 3}, {0, 1, 2})},
                               0},
                              {"half the size and moved by 5 pixels to the right, in an image of 40x15 pixels",
                               {boxes, scores, f32({1, 6}, {0.5f, 0.5f, 5, 0, 40, 15})},
                               {{"most", std::int64_t{1}}, {"score_threshold", 0.7f}},
                               {f32({1, 1, 4}, {0, 0, 12, 15}), f32({1, 1}, {0.9f}), i64({1, 1}, {0})},
                               0}};
            },
    },
};
constexpr OpRun runs[] = {{"modelctl", "SelectBoxes", evaluate}};

}  // namespace

std::span<const OpDef> select_boxes_ops() { return defs; }
std::span<const OpRun> select_boxes_runs() { return runs; }

}  // namespace modelctl::ops
