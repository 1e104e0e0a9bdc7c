// Inputs that are made from files and columns, outputs that are labels and boxes: described in modelctl.yaml, built
// into an artifact, and run. The images are portable pixmaps, whose text is their pixels.
#include "actions/processing_labels.hpp"

#include "actions/build.hpp"
#include "actions/evaluate.hpp"
#include "actions/inspect.hpp"
#include "actions/project.hpp"
#include "actions/run.hpp"
#include "base/files.hpp"
#include "graph/text.hpp"
#include "onnx/writer.hpp"
#include "support/hosts.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace modelctl;
using namespace modelctl::actions;
namespace fs = std::filesystem;

namespace {

// A model, built with the `inputs` and `outputs` of a modelctl.yaml.
class Model {
 public:
  Model(std::string_view graph_text, std::string_view yaml) {
    auto graph = graph::parse_text(graph_text);
    if (!graph) FAIL(graph.error().where, ": ", graph.error().what);
    std::string bytes = onnx::write(**graph, {.opsets = {{"", 21}}});
    REQUIRE(write_file(scratch / "m.onnx", as_bytes(bytes)));
    auto project = parse_project(yaml, scratch / "modelctl.yaml");
    if (!project) {
      failure = project.error();
      return;
    }
    auto built = build_with(std::move(project->processing));
    if (!built) failure = std::move(built).error();
  }

  fs::path file(const std::string& name, std::string_view content) {
    REQUIRE(write_file(scratch / name, as_bytes(content)));
    return scratch / name;
  }

  Result<RunReport> try_run(std::vector<std::string> inputs) {
    return actions::run({.model = artifact, .inputs = std::move(inputs)}, host.host);
  }
  std::vector<formats::NamedTensor> run(std::vector<std::string> inputs) {
    REQUIRE_MESSAGE(!failure, failure->what, " ", failure->faults.empty() ? "" : failure->faults[0].why[0]);
    auto report = try_run(std::move(inputs));
    REQUIRE_MESSAGE(report, report.error().what);
    return report->outputs;
  }

  // "7:5: why" of the only fault.
  std::string fault() const {
    REQUIRE(failure);
    const Error& error = failure->faults.empty() ? *failure : failure->faults.front();
    REQUIRE(failure->faults.size() <= 1);
    CHECK(error.kind == Kind::bad_config);
    std::string place = error.where.substr(error.where.find("yaml:") + 5);
    return place + ": " + (error.why.empty() ? error.what : error.why.front());
  }

  test::Scratch scratch;
  fs::path artifact = scratch / "m.artifact";
  test::FakeHost host;
  std::optional<Error> failure;

 private:
  Result<BuildReport> build_with(processing::Processing processing) {
    TRY(read_processing_labels(processing));
    return build(
        {.model = scratch / "m.onnx", .output = artifact, .processing = std::move(processing), .reads_project = false},
        host.host);
  }
};

std::vector<std::string> texts(const formats::NamedTensor& output) {
  auto all = output.tensor.as<std::string>();
  return {all.begin(), all.end()};
}
std::vector<float> floats(const formats::NamedTensor& output) {
  auto all = output.tensor.as<float>();
  return {all.begin(), all.end()};
}

// The mean of each channel is the score of a class.
constexpr std::string_view color_classifier = R"(graph "colors" {
  input photo: f32[batch,3,2,2]
  means = GlobalAveragePool(photo)
  scores = Flatten(means)
  output scores
})";
constexpr std::string_view color_yaml = R"(
inputs:
  photo:
    image: {resize: [2, 2], filter: nearest, scale: 1/255}
outputs:
  scores:
    classes: {labels: [red, green, blue], top: 2}
)";
constexpr std::string_view reddish = "P3 4 1 255  255 102 0  255 102 0  255 102 0  255 102 0 ";
constexpr std::string_view blue = "P3 1 1 255  0 0 255 ";

// Returns what the model sees.
std::string echo(std::string_view type) {
  return "graph \"echo\" {\n  input x: " + std::string(type) + "\n  y = Identity(x)\n  output y\n}";
}

}  // namespace

TEST_CASE("an image file becomes labels with probabilities") {
  Model model(color_classifier, color_yaml);
  auto outputs = model.run({"photo=" + model.file("cat.ppm", reddish).string()});
  REQUIRE(outputs.size() == 2);
  CHECK(outputs[0].name == "label");
  CHECK(outputs[0].tensor.dims() == Dims{1, 2});
  CHECK(texts(outputs[0]) == std::vector<std::string>{"red", "green"});
  CHECK(outputs[1].name == "probability");
  CHECK(floats(outputs[1]) == std::vector<float>{1, 0.4f});
}

TEST_CASE("a table of file names is a batch, and its labels measure the model") {
  Model model(color_classifier, color_yaml);
  model.file("a.ppm", reddish);
  model.file("b.ppm", blue);
  std::string table = model.file("all.csv", "photo,color\na.ppm,red\nb.ppm,blue\na.ppm,green\n").string();
  CHECK(texts(model.run({table})[0]) == std::vector<std::string>{"red", "green", "blue", "red", "red", "green"});
  auto report = evaluate({.model = model.artifact, .inputs = {table}, .label_column = "color"}, model.host.host);
  REQUIRE_MESSAGE(report, report.error().what);
  REQUIRE(report->quality);
  CHECK(report->quality->scores.right == 2);
}

TEST_CASE("the signature says what an input is made from and an output means") {
  Model model(color_classifier, color_yaml);
  REQUIRE(!model.failure);
  auto report = inspect({model.artifact}, model.host.host);
  REQUIRE(report);
  const artifact::Port& photo = report->signature.inputs.at(0);
  CHECK(photo.type == DType::string);
  CHECK(report->inputs.at(0).content == artifact::Content::image);
  CHECK(report->inputs.at(0).description == "an image file, RGB, stretched to 2x2 (nearest)");
  CHECK(report->outputs.at(0).content == artifact::Content::label);
  CHECK(report->outputs.at(1).content == artifact::Content::probability);
  CHECK(report->metadata.count("input.photo") == 0);
}

TEST_CASE("pixels are scaled, normalized and laid out as the model takes them") {
  Model first(echo("f32[n,3,1,2]"), "inputs: {x: {image: {scale: 1/255, mean: [0.5, 0.25, 0], std: [0.5, 0.25, 2]}}}");
  auto pixels = first.file("x.ppm", "P3 2 1 255  255 0 51  0 255 0 ").string();
  CHECK(floats(first.run({pixels})[0]) == std::vector<float>{1, -1, -1, 3, 0.1f, 0});

  Model last(echo("f32[n,1,2,3]"), "inputs: {x: {image: {color: BGR, mean: 1}}}");
  CHECK(floats(last.run({pixels})[0]) == std::vector<float>{50, -1, 254, -1, 254, -1});

  Model gray(echo("f32[1,2]"), "inputs: {x: {image: {}}}");
  CHECK(floats(gray.run({pixels})[0]) == std::vector<float>{82, 150});

  Model bytes(echo("u8[n,1,2,3]"), "inputs: {x: {image: }}");
  auto kept = bytes.run({pixels})[0].tensor;
  CHECK(kept.dims() == Dims{1, 1, 2, 3});
  CHECK(kept.as<std::uint8_t>()[2] == 51);
}

TEST_CASE("an image is resized by its shorter side and cropped in the middle, or put inside with a border") {
  Model crop(echo("f32[n,1,1,2]"), "inputs: {x: {image: {resize: 1, crop: [1, 2], filter: nearest}}}");
  auto wide = crop.file("wide.pgm", "P2 4 1 255  10 20 30 40 ").string();
  CHECK(floats(crop.run({wide})[0]) == std::vector<float>{20, 30});

  Model boxed(echo("f32[n,1,2,4]"), "inputs: {x: {image: {resize: [2, 4], fit: letterbox, fill: 9}}}");
  auto square = boxed.file("square.pgm", "P2 2 2 255  10 10 10 10 ").string();
  CHECK(floats(boxed.run({square})[0]) == std::vector<float>{9, 10, 10, 9, 9, 10, 10, 9});
}

TEST_CASE("without a size to resize to, an image must have the size of the model") {
  Model model(echo("f32[n,1,2,2]"), "inputs: {x: {image: }}");
  auto report = model.try_run({model.file("x.pgm", "P2 1 1 255 7 ").string()});
  REQUIRE(!report);
  CHECK(report.error().code == "wrong-image-size");
  CHECK(report.error().what.find("1x1 pixels: the model takes 2x2") != std::string::npos);
}

TEST_CASE("what is not an image, or claims to be too large, is refused, with its place in the batch") {
  Model model(color_classifier, color_yaml);
  model.file("a.ppm", reddish);
  model.file("no.ppm", "hello");
  auto refused = [&](std::string_view rows) {
    auto report = model.try_run({model.file("all.csv", "photo\n" + std::string(rows)).string()});
    REQUIRE(!report);
    CHECK(report.error().kind == Kind::bad_input);
    return report.error();
  };
  CHECK(refused("a.ppm\nno.ppm\n").code == "not-an-image");
  CHECK(refused("a.ppm\nno.ppm\n").what.find("image 2 of 2: cannot decode the image") != std::string::npos);
  model.file("huge.ppm", "P3 60000 60000 255 1 2 3 ");
  CHECK(refused("huge.ppm\n").code == "image-too-large");
  model.file("short.ppm", "P3 2 2 255 1 2 3 ");
  CHECK(refused("short.ppm\n").code == "bad-image");
}

TEST_CASE("what does not fit the model is refused when it is built") {
  auto fault = [](std::string_view image, std::string_view type = "f32[n,3,4,4]") {
    return Model(echo(type), "inputs:\n  x:\n    image: {" + std::string(image) + "}\n").fault();
  };
  CHECK(fault("resize: 4") == "3:21: the longer side depends on the image, and the model takes 4x4");
  CHECK(fault("resize: [4, 5]") == "3:21: it makes images of 4x5 (height x width), and the model takes f32[n,3,4,4]");
  CHECK(fault("color: gray") == "3:20: 'gray' has 1 channel, and the model takes 3");
  CHECK(fault("mean: [1, 2]") == "3:19: 'mean' has 2 numbers, and the image 3 channels");
  CHECK(fault("scale: 1/255", "u8[n,3,4,4]") == "3:20: the model takes u8, which keep the bytes as they are");
  CHECK(fault("", "i64[n,3,4,4]") == "2:3: the model takes i64, and pixels are numbers: floats, or u8");
  CHECK(fault("", "f32[n]") ==
        "2:3: the model takes f32[n], and an image needs [batch,channels,height,width] or the like");
  CHECK(fault("", "f32[n,c,4,4]") ==
        "2:3: the model takes f32[n,c,4,4], and no axis of that shows where the channels are");
  CHECK(fault("fit: letterbox") == "3:18: 'fit' needs a size");
}

TEST_CASE("labels must be as many as the classes of the model") {
  Model model(color_classifier, "outputs:\n  scores:\n    classes: {labels: [red, green]}\n");
  CHECK(model.fault() == "3:23: there are 2 labels, and the model has 3 classes");
  Model missing(color_classifier, "outputs:\n  score:\n    classes: {labels: [red, green]}\n");
  CHECK(missing.fault() == "2:3: its outputs are: 'scores'");
}

TEST_CASE("labels are refused for a model whose classes are not indices of them") {
  auto fault = [](std::string_view classes) {
    std::string text = R"(graph "classifier" {
      input x: i64[n]
      const known: i64[3] = )" +
                       std::string(classes) + R"(
      taken = Gather(known, x)
      y = Cast(taken) {to: 6}
      output y
    })";
    Model model(text, "outputs:\n  y:\n    classes: {labels: [a, b, c]}\n");
    return model.failure ? model.fault() : "";
  };
  CHECK(fault("[10, 20, 30]") == "3:23: the model returns the class 10, and 3 labels are for 0 to 2");
  CHECK(fault("[1, 2, 3]") == "3:23: the model returns the class 3, and 3 labels are for 0 to 2");
  CHECK(fault("[2, 1, 0]").empty());
}

TEST_CASE("mistakes in the file are reported with their lines") {
  auto fault = [](std::string_view yaml) { return Model(color_classifier, yaml).fault(); };
  CHECK(fault("inputs:\n  photo: {images: {}}\n") == "2:11: the key 'inputs.photo.images' is unknown");
  CHECK(fault("inputs:\n  photo: {image: {resise: 4}}\n") == "2:19: the key 'inputs.photo.image.resise' is unknown");
  CHECK(fault("inputs:\n  photo: {image: {filter: cubic}}\n") ==
        "2:27: cannot use 'inputs.photo.image.filter': it is not one of: nearest, box, bilinear, hamming, bicubic, "
        "lanczos");
  CHECK(fault("inputs:\n  photo: {image: {resize: 0}}\n").find("from 1 to 16384") != std::string::npos);
  CHECK(fault("inputs:\n  photo: {}\n") == "2:3: cannot use 'inputs.photo': it must have one key");
  CHECK(fault("outputs:\n  scores: {classes: {}}\n") == "2:3: cannot use 'outputs.scores.classes': it has no 'labels'");
}

TEST_CASE("softmax makes probabilities, and an index of a class becomes its name") {
  Model model(echo("f32[n,2]"), "outputs: {y: {classes: {labels: [no, yes], activation: softmax}}}");
  auto outputs = model.run({"[[0, 0], [-100, 100]]"});
  CHECK(texts(outputs[0]) == std::vector<std::string>{"no", "yes"});
  CHECK(floats(outputs[1]) == std::vector<float>{0.5f, 1});

  Model index(echo("i64[n]"), "outputs: {y: {classes: {labels: [a, b, c]}}}");
  CHECK(texts(index.run({"[2, 0]"})[0]) == std::vector<std::string>{"c", "a"});
}

TEST_CASE("the columns of a table become the features of the model") {
  constexpr std::string_view yaml = R"(
inputs:
  x:
    table:
      columns:
        - {name: age, missing: 30, mean: 20, std: 10}
        - {name: color, categories: [red, green, blue], missing: red}
        - {name: size, categories: [S, M, L], encoding: index}
)";
  Model model(echo("f32[n,5]"), yaml);
  std::vector<float> expected{0, 0, 1, 0, 2, 1, 1, 0, 0, 0};
  auto csv = model.file("people.csv", "color,age,size\ngreen,20,L\n,,S\n").string();
  CHECK(floats(model.run({csv})[0]) == expected);
  CHECK(floats(model.run(
            {R"([{"age": 20, "color": "green", "size": "L"}, {"age": null, "color": null, "size": "S"}])"})[0]) ==
        expected);
  auto code = [&](std::string_view rows) {
    auto report = model.try_run({model.file("bad.csv", "color,age,size\n" + std::string(rows)).string()});
    REQUIRE(!report);
    CHECK(report.error().kind == Kind::bad_input);
    return report.error().code + ": " + report.error().what;
  };
  CHECK(code("red,1,S\npink,1,S\n").find("unknown-category: ") == 0);
  CHECK(code("red,1,S\npink,1,S\n").find("the column 'color': row 1 is 'pink'") != std::string::npos);
  CHECK(code("red,1,\n").find("the column 'size': row 0 has no value") != std::string::npos);
}

TEST_CASE("columns that do not make the model's features are refused when it is built") {
  auto fault = [](std::string_view columns) {
    return Model(echo("f32[n,2]"), "inputs:\n  x:\n    table:\n      columns:\n" + std::string(columns)).fault();
  };
  CHECK(fault("      - {name: a}\n") == "5:7: the columns make 1 features, and the model takes 2");
  CHECK(fault("      - {name: a}\n      - {name: a}\n") == "6:16: there is another input of that name");
  CHECK(fault("      - {name: a, categories: [b, b]}\n") == "5:31: a category stands twice");
  CHECK(fault("      - {name: a, missing: none}\n") == "5:28: 'none' is not a number");
  CHECK(fault("      - {name: a, std: 0}\n") == "5:24: nothing can be divided by 0");
  CHECK(fault("      - {name: a, unknown: ignore}\n") == "5:28: only categories have 'unknown'");
}

TEST_CASE("an unknown category is left out if that was asked for") {
  Model model(
      echo("f32[n,3]"),
      "inputs: {x: {table: {columns: [{name: a, categories: [b, c], unknown: ignore}, {name: d, categories: [e], "
      "encoding: index, unknown: ignore}]}}}");
  CHECK(floats(model.run({R"([{"a": "c", "d": "e"}, {"a": "z", "d": "z"}])"})[0]) ==
        std::vector<float>{0, 1, 0, 0, 0, -1});
}

TEST_CASE("one probability becomes one of two labels") {
  Model model(echo("f32[n,1]"), "outputs: {y: {binary: {labels: [ham, spam], threshold: 0.75}}}");
  auto outputs = model.run({"[[0.25], [0.75]]"});
  CHECK(texts(outputs[0]) == std::vector<std::string>{"ham", "spam"});
  CHECK(floats(outputs[1]) == std::vector<float>{0.75f, 0.75f});
  CHECK(Model(echo("f32[n,1]"), "outputs:\n  y: {binary: {labels: [a]}}\n").fault() ==
        "2:24: there are 1 labels instead of two");
}

namespace {

// A detector whose findings are an input, so that a test can choose them.
constexpr std::string_view yolo = R"(graph "detector" {
  input photo: f32[n,3,4,4]
  input found: f32[n,6,3]
  seen = GlobalAveragePool(photo)
  output0 = Identity(found)
  output output0
  output seen
})";
constexpr std::string_view yolo_yaml = R"(
inputs:
  photo: {image: {resize: [4, 4], fit: letterbox}}
outputs:
  output0:
    boxes: {layout: yolov8, labels: [bolt, nut], max: 3}
)";

}  // namespace

TEST_CASE("boxes of a YOLO model are those of the image file, with labels and scores") {
  // The model sees 8x4 pixels at half the size, with a pixel of border above and below. The second box overlaps the
  // first, and is of the same class.
  Model model(yolo, yolo_yaml);
  std::string pixels = "P2 8 4 255 ";
  for (int i = 0; i < 32; ++i) pixels += " 7";
  auto image = "photo=" + model.file("wide.ppm", pixels + " ").string();
  auto outputs = model.run({image,
                            "found=[[[2, 2.5, 1], [2, 2, 2], [2, 2, 2], [2, 2, 1], [0.9, 0.8, 0.1], [0.1, 0.2, "
                            "0.7]]]"});
  REQUIRE(outputs.size() == 4);
  CHECK(texts(outputs[0]) == std::vector<std::string>{"bolt", "nut", ""});
  CHECK(floats(outputs[1]) == std::vector<float>{0.9f, 0.7f, 0});
  CHECK(outputs[2].name == "box");
  CHECK(outputs[2].tensor.dims() == Dims{1, 3, 4});
  CHECK(floats(outputs[2]) == std::vector<float>{2, 0, 6, 4, 0, 1, 4, 3, 0, 0, 0, 0});
  CHECK(outputs[3].name == "seen");
}

TEST_CASE("boxes of an SSD model come from two outputs, of which the background is left out") {
  constexpr std::string_view ssd = R"(graph "detector" {
  input photo: f32[n,3,4,4]
  input places: f32[n,2,4]
  input kinds: f32[n,2,3]
  seen = GlobalAveragePool(photo)
  boxes = Identity(places)
  scores = Identity(kinds)
  output scores
  output boxes
  output seen
})";
  Model model(ssd, R"(
inputs:
  photo: {image: {resize: [4, 4], filter: nearest}}
outputs:
  boxes:
    boxes: {layout: ssd, scores: scores, background: true, normalized: true, labels: [cat, dog], max: 2, score: 0.5}
)");
  auto image = "photo=" + model.file("x.ppm", reddish).string();  // 4x1 pixels
  auto outputs = model.run(
      {image, "places=[[[0, 0, 0.5, 1], [0.25, 0, 1.5, 1]]]", "kinds=[[[0.9, 0.05, 0.05], [0.1, 0.2, 0.7]]]"});
  REQUIRE(outputs.size() == 4);
  CHECK(texts(outputs[0]) == std::vector<std::string>{"dog", ""});
  CHECK(floats(outputs[2]) == std::vector<float>{1, 0, 4, 1, 0, 0, 0, 0});
}

TEST_CASE("a layout that the model does not have is refused when it is built") {
  auto fault = [](std::string_view boxes) {
    return Model(yolo, "outputs:\n  output0: {boxes: {labels: [bolt, nut], " + std::string(boxes) + "}}\n").fault();
  };
  CHECK(fault("layout: yolov5") == "2:50: 5 numbers of a box and 2 labels would be 7, and the model has 3");
  CHECK(fault("layout: ssd") == "2:50: 'ssd' needs the output with the scores");
  CHECK(fault("layout: ssd, scores: found") == "2:63: the model has no other output 'found'");
  CHECK(fault("layout: yolov8, background: true") == "2:70: only 'layout: ssd' has 'background'");
  CHECK(fault("layout: yolov8, image: photo") == "2:65: no input 'photo' is made from an image");
}
