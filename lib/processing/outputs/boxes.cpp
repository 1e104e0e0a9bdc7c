// Boxes: what a detector returns for every place of the image becomes the boxes that are left after non-maximum
// suppression, with labels and scores, in the pixels of the image file. Two families of layouts cover the common
// exports:
//
//   yolov8  [batch, 4 + classes, boxes]      center, width and height in pixels; scores (YOLOv8, v9, v11, without NMS)
//   yolov5  [batch, boxes, 5 + classes]      the same, with the score of the box before those of the classes (v5, v7)
//   ssd     [batch, boxes, 4] and, as another output, [batch, boxes, classes] (SSD, RetinaNet, UltraFace)
//
// All become corners f32[batch, boxes, 4] and scores f32[batch, boxes, classes], for modelctl::SelectBoxes.
#include "processing/kind.hpp"

#include <fmt/format.h>

namespace modelctl::processing {
namespace {

using graph::Shape;
using graph::Value;

constexpr std::string_view layouts[] = {"yolov8", "yolov5", "ssd"};
constexpr std::string_view coordinate_forms[] = {"xyxy", "yxyx", "cxcywh"};
constexpr std::string_view activations[] = {"none", "softmax", "sigmoid"};

constexpr Key keys[] = {
    {.name = "layout",
     .type = KeyType::text,
     .meaning =
         "`yolov8`: [batch,4+classes,boxes]; `yolov5`: [batch,boxes,5+classes]; `ssd`: [batch,boxes,4], with the "
         "scores [batch,boxes,classes] in another output",
     .choices = layouts,
     .required = true},
    {.name = "labels",
     .type = KeyType::labels,
     .meaning = "Names of the classes, by index and without the background: a list, or a file with one per line",
     .required = true},
    {"scores", KeyType::text, "", "Of `ssd`: the output with the scores"},
    {"coordinates", KeyType::text, "",
     "`xyxy`: left, top, right, bottom; `yxyx`: top, left, bottom, right; `cxcywh`: middle, width and height. By "
     "default "
     "`xyxy` for `ssd`, else `cxcywh`",
     coordinate_forms},
    {"normalized", KeyType::flag, "false", "Whether coordinates are parts of the image's size, 0 to 1, and not pixels"},
    {"background", KeyType::flag, "false", "Whether the first class of the scores is the background"},
    {"activation", KeyType::text, "none", "What makes scores of what the model returns", activations},
    {"score", KeyType::number, "0.25", "What the score of a box must exceed", {}, 0, 1},
    {"overlap",
     KeyType::number,
     "0.45",
     "The largest intersection over union with a better box of the class; beyond it, a box is dropped",
     {},
     0,
     1},
    {"max", KeyType::count, "100", "The most boxes of an image; the outputs have a place for each", {}, 1, 10000},
    {"image", KeyType::text, "", "The input with the image, if there are several"}};

// The sizes of an output of rank 3.
Result<Shape> shape_of(const OutputCall& call, const Value* value, std::string_view key = "layout") {
  const graph::Type& type = value->type;
  if (is_float(type.element) && type.shape && type.shape->size() == 3) return *type.shape;
  return call.bad(fmt::format("'{}' is {}, and must have three axes of floats", call.settings.text("layout"),
                              graph::describe(type)),
                  key);
}

// A size that must be a number, and this one if `wanted` is not 0.
Result<void> need_size(const OutputCall& call, const graph::Expr& size, std::int64_t wanted, std::string_view what) {
  if (size.constant() == wanted) return {};
  return call.bad(fmt::format("{} would be {}, and the model has {}", what, wanted, size.brief()), "layout");
}

struct Found {
  Value* boxes;   // f32[batch, boxes, 4], in the form of the model
  Value* scores;  // f32[batch, boxes, classes]
};

Result<Found> found_by_yolo(const OutputCall& call, std::int64_t labels) {
  bool has_objectness = call.settings.text("layout") == "yolov5";
  Shape shape = TRY(shape_of(call, call.tensor));
  std::int64_t before = has_objectness ? 5 : 4;
  TRY(need_size(call, shape[has_objectness ? 2 : 1], before + labels,
                fmt::format("{} numbers of a box and {} labels", before, labels)));
  Value* all = TRY(call.nodes.cast(call.tensor, DType::f32));
  if (!has_objectness) all = TRY(call.nodes.add("Transpose", {all}, {{"perm", std::vector<std::int64_t>{0, 2, 1}}}));
  std::vector<std::int64_t> sizes{4, labels};
  if (has_objectness) sizes.insert(sizes.begin() + 1, 1);
  graph::Node* parts =
      TRY(call.nodes.add_node("", "Split", {all, call.nodes.ints(sizes)}, {{"axis", std::int64_t{2}}}, sizes.size()));
  return Found{parts->output(0), parts->output(sizes.size() - 1)};
}

Result<Found> found_by_ssd(OutputCall& call, std::int64_t labels) {
  std::string name = call.settings.text("scores");
  Value* scores = call.other(name);
  if (scores == nullptr || scores == call.tensor) {
    return call.bad(name.empty() ? "'ssd' needs the output with the scores"
                                 : fmt::format("the model has no other output '{}'", name),
                    name.empty() ? "layout" : "scores", "add a line 'scores: OUTPUT'");
  }
  TRY(need_size(call, TRY(shape_of(call, call.tensor))[2], 4, "the numbers of a box"));
  std::int64_t background = call.settings.flag("background") ? 1 : 0;
  TRY(need_size(call, TRY(shape_of(call, scores, "scores"))[2], background + labels,
                fmt::format("{} labels{}", labels, background == 1 ? " and the background" : "")));
  call.consumed.push_back(name);
  return Found{TRY(call.nodes.cast(call.tensor, DType::f32)), TRY(call.nodes.cast(scores, DType::f32))};
}

// Left, top, right, bottom in pixels of the model's input.
Result<Value*> corners(const OutputCall& call, Value* boxes, const std::string& form) {
  auto split = [&](Value* value, std::int64_t parts) {
    return call.nodes.add_node("", "Split", {value}, {{"axis", std::int64_t{2}}, {"num_outputs", parts}},
                               static_cast<std::size_t>(parts));
  };
  Attributes last{{"axis", std::int64_t{2}}};
  if (form == "yxyx") {
    graph::Node* edges = TRY(split(boxes, 4));
    return call.nodes.add("Concat", {edges->output(1), edges->output(0), edges->output(3), edges->output(2)}, last);
  }
  if (form != "cxcywh") return boxes;
  graph::Node* parts = TRY(split(boxes, 2));
  Value* middle = parts->output(0);
  Value* half = TRY(call.nodes.add("Mul", {parts->output(1), call.nodes.floats({0.5})}));
  Value* from = TRY(call.nodes.add("Sub", {middle, half}));
  Value* to = TRY(call.nodes.add("Add", {middle, half}));
  return call.nodes.add("Concat", {from, to}, last);
}

// The placement of the image that the boxes are in; null if the model's images are not made from files.
Result<const Image*> image_of(const OutputCall& call) {
  std::string name = call.settings.text("image");
  if (!name.empty()) {
    auto found = call.images.find(name);
    if (found != call.images.end()) return &found->second;
    return call.bad(fmt::format("no input '{}' is made from an image", name), "image");
  }
  if (call.images.size() > 1) {
    return call.bad("several inputs are images", "", "add a line 'image: INPUT', the one in which the boxes are");
  }
  return call.images.empty() ? nullptr : &call.images.begin()->second;
}

// Coordinates from 0 to 1 are those of the model's input, which must then be known.
Result<Value*> in_pixels(const OutputCall& call, Value* boxes, const Image* image) {
  if (!call.settings.flag("normalized") || image == nullptr) return boxes;
  if (image->width == 0) {
    return call.bad("the size of the model's input is not fixed, and coordinates from 0 to 1 are parts of it",
                    "normalized", "bind its height and width, or give the image a size");
  }
  auto width = static_cast<double>(image->width), height = static_cast<double>(image->height);
  return call.nodes.add("Mul", {boxes, call.nodes.floats({width, height, width, height}, {4})});
}

Result<Value*> class_scores(const OutputCall& call, Found found, std::int64_t labels) {
  Value* scores = found.scores;
  std::string activation = call.settings.text("activation"), layout = call.settings.text("layout");
  if (activation == "softmax") scores = TRY(call.nodes.add("Softmax", {scores}, {{"axis", std::int64_t{2}}}));
  if (activation == "sigmoid") scores = TRY(call.nodes.add("Sigmoid", {scores}));
  if (layout == "yolov5") {
    // The score of the box is the second part of the split, before those of the classes.
    Value* objectness = found.scores->producer()->output(1);
    if (activation == "sigmoid") objectness = TRY(call.nodes.add("Sigmoid", {objectness}));
    scores = TRY(call.nodes.add("Mul", {scores, objectness}));
  }
  if (!call.settings.flag("background")) return scores;
  auto parts =
      TRY(call.nodes.add_node("", "Split", {scores, call.nodes.ints({1, labels})}, {{"axis", std::int64_t{2}}}, 2));
  return parts->output(1);
}

Result<void> build(OutputCall& call) {
  const Settings& settings = call.settings;
  std::string layout = settings.text("layout"), form = settings.text("coordinates");
  std::vector<std::string> texts = settings.texts("labels");
  auto labels = static_cast<std::int64_t>(texts.size());
  for (std::string_view key : {"scores", "background"}) {
    if (layout != "ssd" && settings.has(key))
      return call.bad(fmt::format("only 'layout: ssd' has '{}'", key), key, fmt::format("remove '{}'", key));
  }
  const Image* image = TRY(image_of(call));
  Found found = layout == "ssd" ? TRY(found_by_ssd(call, labels)) : TRY(found_by_yolo(call, labels));
  Value* scores = TRY(class_scores(call, found, labels));
  Value* boxes = TRY(corners(call, found.boxes, !form.empty() ? form : layout == "ssd" ? "xyxy" : "cxcywh"));
  boxes = TRY(in_pixels(call, boxes, image));
  Attributes attributes{{"score_threshold", static_cast<float>(settings.number("score"))},
                        {"iou_threshold", static_cast<float>(settings.number("overlap"))},
                        {"most", settings.count("max")}};
  std::vector<Value*> operands{boxes, scores};
  if (image != nullptr) operands.push_back(image->placement);
  graph::Node* select = TRY(call.nodes.add_node("modelctl", "SelectBoxes", operands, std::move(attributes), 3));
  texts.emplace_back();  // the class of a place that nothing was found for
  Value* names = call.nodes.constant(Tensor::of_strings({labels + 1}, texts));
  Value* label = TRY(call.nodes.add("Gather", {names, select->output(2)}));
  std::string where = image != nullptr              ? "the image file"
                      : settings.flag("normalized") ? "the image's size"
                                                    : "the model's input";
  std::string pixels = image == nullptr && settings.flag("normalized") ? "parts of " : "pixels of ";
  call.outputs = {
      {label,
       "label",
       {Content::label, fmt::format("of each box, {} at most; '' if there is none", settings.count("max"))}},
      {select->output(1),
       "probability",
       {Content::probability, fmt::format("the score of the box, above {}", settings.number("score"))}},
      {select->output(0), "box", {Content::box, "left, top, right and bottom, in " + pixels + where}}};
  return {};
}

constexpr OutputKind kind[] = {{"boxes", "Boxes and their scores for every place of an image", keys, build}};

}  // namespace

std::span<const OutputKind> boxes_output() { return kind; }

}  // namespace modelctl::processing
