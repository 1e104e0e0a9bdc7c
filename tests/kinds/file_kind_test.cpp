// What files are recognized as, from samples that their libraries wrote (samples/README.md).
#include "kinds/file_kind.hpp"

#include "base/files.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>
#include <algorithm>

namespace modelctl::kinds {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

const fs::path samples = MODELCTL_KINDS_SAMPLES;

std::string name_of(const Evidence& file) {
  const FileKind* kind = recognize(file);
  return kind == nullptr ? "unknown" : std::string(kind->name);
}
std::string name_of(const fs::path& path) {
  auto evidence = examine(path);
  return evidence ? name_of(*evidence) : evidence.error().code;
}
std::string name_of_bytes(std::string_view bytes) { return name_of(evidence_of(bytes)); }

struct Sample {
  std::string file, kind;
};
const Sample expected[] = {
    {"array.npy", "a NumPy array"},
    {"arrays.npz", "an archive of NumPy arrays"},
    {"booster.json", "a model of XGBoost"},
    {"booster.ubj", "a model of XGBoost"},
    {"catboost.pkl", "a pickle of a CatBoost model"},
    {"compressed.joblib", "compressed by zlib, as joblib.dump(compress=…) does"},
    {"data.h5", "an HDF5 file"},
    {"denied.onnx", "the error message of a storage server, not a file"},
    {"dense.h5", "a model of Keras in HDF5"},
    {"dense.keras", "a model of Keras"},
    {"dict.pkl", "a Python pickle"},
    {"dump.json", "a dump of XGBoost (dump_model), which is not the model"},
    {"dump.txt", "a dump of XGBoost (dump_model), which is not the model"},
    {"frozen.pb", "a frozen graph of TensorFlow"},
    {"hub", "a folder of the Hugging Face hub"},
    {"hub/model.safetensors", "a file of safetensors: weights without a graph"},
    {"hub/config.json", "JSON"},
    {"identity.mlmodel", "a model of CoreML"},
    {"identity.mlmodelc", "a compiled model of CoreML"},
    {"identity.mlpackage", "a model package of CoreML"},
    {"input_0.pb", "a tensor of ONNX, an input or output of a model"},
    {"lightgbm-dump.json", "a dump of LightGBM (dump_model), which is not the model"},
    {"lightgbm.pkl", "a pickle of a LightGBM model"},
    {"lightgbm.txt", "a model of LightGBM"},
    {"linear-protocol-0.pkl", "a pickle of a scikit-learn model (pickle or joblib)"},
    {"linear.joblib", "a pickle of a scikit-learn model (pickle or joblib)"},
    {"linear.pkl", "a pickle of a scikit-learn model (pickle or joblib)"},
    {"list-protocol-0.pkl", "a Python pickle of protocol 0 or 1"},
    {"llama.gguf", "a GGUF file of llama.cpp: weights without a graph"},
    {"model.cbm", "a model of CatBoost"},
    {"model.engine", "an engine of TensorRT"},
    {"net.tflite", "a model of TensorFlow Lite"},
    {"old.pth", "a checkpoint of PyTorch (torch.save)"},
    {"page.onnx", "a web page, not a file that was downloaded"},
    {"pointer.onnx", "a pointer of Git LFS, not the file itself"},
    {"program.pt2", "an exported program of PyTorch (torch.export.save)"},
    {"program.pte", "a program of ExecuTorch"},
    {"project", "a project of modelctl"},
    {"project/modelctl.yaml", "text"},
    {"README.md", "text"},
    {"relu.json", "an ONNX model in JSON"},
    {"relu.onnx", "an ONNX model"},
    {"relu.onnxtxt", "an ONNX model in ONNX's text syntax"},
    {"relu.ort", "a model in the ORT format of ONNX Runtime"},
    {"relu.textproto", "an ONNX model in protobuf's text format"},
    {"saved_model", "a SavedModel of TensorFlow"},
    {"saved_model/saved_model.pb", "the graph of a SavedModel of TensorFlow"},
    {"script.pt", "a TorchScript program of PyTorch (torch.jit.save)"},
    {"weights.pt", "a checkpoint of PyTorch (torch.save)"},
    {"weights.safetensors", "a file of safetensors: weights without a graph"},
    {"with_onnx", "a folder with an ONNX model in it"},
    {"xgboost.pkl", "a pickle of an XGBoost model"},
    {"zeros.onnx", "a file of zeros: its content was never written"},
};

TEST_CASE("each sample is recognized as what its library wrote") {
  for (const Sample& sample : expected) {
    INFO(sample.file);
    CHECK(name_of(samples / sample.file) == sample.kind);
  }
}

TEST_CASE("the name of a file does not matter") {
  for (const Sample& sample : expected) {
    if (fs::is_directory(samples / sample.file)) continue;
    INFO(sample.file);
    CHECK(name_of_bytes(*read_text_file(samples / sample.file)) == sample.kind);
  }
}

TEST_CASE("every specific kind that modelctl does not make has a sample") {
  for (const FileKind* kind : known()) {
    INFO(kind->name);
    bool sampled = std::any_of(std::begin(expected), std::end(expected),
                               [&](const Sample& sample) { return sample.kind == kind->name; });
    CHECK((sampled || kind->general || kind->role != Role::none));
  }
}

TEST_CASE("what a file contains is recognized only if nothing more specific fits") {
  CHECK(name_of_bytes("PK\x03\x04"s + std::string(40, '\0')) == "a ZIP archive");
  CHECK(name_of_bytes("\x1f\x8b\x08") == "a file compressed by gzip");
  CHECK(name_of_bytes("\x28\xb5\x2f\xfd") == "a file compressed by Zstandard");
  CHECK(name_of_bytes(std::string(257, 'x') + "ustar") == "a tar archive");
  CHECK(name_of_bytes("\x7f"
                      "ELF") == "a program without a model of modelctl in it");
  CHECK(name_of_bytes("<?xml version=\"1.0\"?><net/>") == "XML");
  CHECK(name_of_bytes("") == "unknown");
  CHECK(name_of_bytes("\x01\x02") == "unknown");
  CHECK(name_of(samples) == "a folder with an ONNX model in it");
}

TEST_CASE("pickles of the protocols without a magic number are recognized, and words are not taken for them") {
  for (std::string_view pickle : {"(dp0\nVa\np1\nI1\ns.", "(lp0\nI1\naI2\na.",
                                  "]q\x01(K\x01K\x02"
                                  "e.",
                                  "ccollections\nOrderedDict\np0\n(tp1\nRp2\n."}) {
    INFO(pickle);
    CHECK(name_of_bytes(pickle) == "a Python pickle of protocol 0 or 1");
  }
  CHECK(name_of_bytes("columns\nare\nnumbers.") == "text");
  CHECK(name_of_bytes("a,b\n1,2\n") == "text");
}

TEST_CASE("images and sound are data, and no models") {
  CHECK(name_of_bytes("\xff\xd8\xff\xe0\0\x10JFIF"s) == "a JPEG image");
  CHECK(name_of_bytes("\x89PNG\r\n\x1a\n") == "a PNG image");
  CHECK(name_of_bytes("RIFF\0\0\0\0WEBPVP8 "s) == "a WebP image");
  CHECK(name_of_bytes("RIFF\0\0\0\0WAVEfmt "s) == "sound (WAVE)");
}

TEST_CASE("members of a ZIP archive are found at its end as well") {
  std::string archive = *read_text_file(samples / "script.pt");
  std::size_t directory = archive.find("PK\x01\x02");
  REQUIRE(directory != std::string::npos);
  std::string large = "PK\x03\x04"s + std::string(3 * Evidence::window, '\0') + archive.substr(directory);
  Evidence evidence = evidence_of(large);
  CHECK(evidence.head.size() == Evidence::window);
  CHECK(evidence.tail.size() == Evidence::window);
  CHECK(name_of(evidence) == "a TorchScript program of PyTorch (torch.jit.save)");
}

TEST_CASE("a large file is read at its ends alone") {
  test::Scratch scratch;
  std::string bytes = "PK\x03\x04"s + std::string(5 * Evidence::window, 'x') + "end";
  REQUIRE(write_file(scratch / "large", as_bytes(bytes)));
  auto evidence = examine(scratch / "large");
  REQUIRE(evidence);
  CHECK(evidence->size == bytes.size());
  CHECK(evidence->head == bytes.substr(0, Evidence::window));
  CHECK(evidence->tail == bytes.substr(bytes.size() - Evidence::window));
}

TEST_CASE("what is not a file or folder is not waited for") {
  test::Scratch scratch;
  REQUIRE(::mkfifo((scratch / "pipe").c_str(), 0600) == 0);
  CHECK(name_of(scratch / "pipe") == "not-a-regular-file");
  CHECK(name_of(scratch / "missing") == "no-such-file");
}

TEST_CASE("the way forward has the file's name, quoted as a shell or Python needs it") {
  auto forward_of = [](const char* sample, const fs::path& path) {
    auto evidence = examine(samples / sample);
    REQUIRE(evidence);
    return forward(*recognize(*evidence), path);
  };
  CHECK(forward_of("net.tflite", "models/net.tflite") ==
        "python -m tf2onnx.convert --tflite models/net.tflite --output net.onnx");
  CHECK(forward_of("net.tflite", "it's a net.tflite") ==
        "python -m tf2onnx.convert --tflite 'it'\\''s a net.tflite' --output 'it'\\''s a net.onnx'");
  CHECK(forward_of("weights.pt", "a\"b.pt") ==
        "load it into its model in Python, then: torch.onnx.export(model, (example,), \"a\\\"b.onnx\")");
  CHECK(forward_of("saved_model", "exported/") ==
        "python -m tf2onnx.convert --saved-model exported --output exported.onnx");
  CHECK(forward_of("net.tflite", "net.onnx").ends_with(" --tflite net.onnx --output net.new.onnx"));
  CHECK(forward_of("pointer.onnx", "model.onnx") == "git -C . lfs pull");
  for (const FileKind* kind : known()) CHECK(forward(*kind, "net").find('{') == std::string::npos);
}

}  // namespace
TEST_CASE("dumps of boosters are recognized whatever the order and spacing of their keys") {
  const std::string xgboost = "a dump of XGBoost (dump_model), which is not the model";
  const std::string lightgbm = "a dump of LightGBM (dump_model), which is not the model";
  CHECK(name_of_bytes(R"([{"children": [{"leaf": 1, "nodeid": 1}], "depth": 0, "nodeid": 0}])") == xgboost);
  CHECK(name_of_bytes(R"(["{ \"nodeid\": 0, \"leaf\": 0.5 }"])") == xgboost);
  CHECK(name_of_bytes("[\n  { \"bias\": [0.1],\n    \"weight\": [0.5, 2]\n  }\n]") == xgboost);
  std::string names(100'000, 'n');
  CHECK(name_of_bytes(R"({"average_output": false, "feature_names": [")" + names +
                      R"("], "max_feature_idx": 4, "tree_info": [{"tree_structure": {"leaf_value": 1}}]})") ==
        lightgbm);
  CHECK(name_of_bytes(R"({"bias": [0.1], "tree_info": 1})") == "JSON");
}

}  // namespace modelctl::kinds
