// What `pack` accepts as samples, a server accepts: each form is packed, served and asked.
#include "serving.hpp"

#include <string>

using namespace modelctl;
using commands::Serving;
using commands::shell;
namespace fs = std::filesystem;

namespace {

// Doubles as NumPy writes them, in a file of two columns.
std::string npy_of(const std::vector<double>& values) {
  std::string header =
      "{'descr': '<f8', 'fortran_order': False, 'shape': (" + std::to_string(values.size() / 2) + ", 2), }";
  header.resize(117, ' ');
  std::string file = std::string("\x93NUMPY\x01\x00\x76\x00", 10) + header + "\n";
  return file.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
}

// A project of a model that takes x f32[batch,2] and returns z f32[batch,3], with a key. The expected outputs are those
// of its own files.
struct Project {
  test::Scratch scratch;
  fs::path folder = scratch.path();

  Project() {
    write("plain.csv", "1,2\n3,-4\n0.5,0.5\n");
    auto made = shell(folder, "cp " MODELCTL_CORPUS
                              "/onnx/dense.onnx . && modelctl -q build dense.onnx && "
                              "modelctl -q run dense.artifact --input plain.csv -o z.npy && "
                              "modelctl -q key generate -o me --no-password");
    REQUIRE_MESSAGE(made.exit_code == 0, made.err);
  }

  void write(const std::string& name, std::string_view content) const {
    REQUIRE(make_folder((folder / name).parent_path()));
    REQUIRE(write_file(folder / name, as_bytes(content)));
  }

  ProcessResult pack(const std::string& samples, const std::string& evaluate = "") const {
    write("modelctl.yaml", "artifact: dense.artifact\npackage: {name: dense, version: \"1\"}\nsamples:\n  - " +
                               samples + "\n" + evaluate);
    return shell(folder, "rm -f dense.tar; modelctl -q pack --key me.key -o dense.tar");
  }
};

// Whether a package is served and predicts, and its samples were computed.
void check_served(const fs::path& folder, const std::string& package, const std::string& input) {
  Serving serving(folder, package + " --key me.pub --drain 0");
  REQUIRE_MESSAGE(serving.ready(), serving.log_text());
  CHECK_MESSAGE(serving.log_text().find("computed 1 sample of the package: as expected\n") != std::string::npos,
                serving.log_text());
  auto answered =
      shell(folder, "modelctl -q predict http://127.0.0.1:" + std::to_string(serving.port) + " --input " + input);
  CHECK_MESSAGE(answered.exit_code == 0, answered.err);
}

}  // namespace

TEST_CASE("samples in every form that evaluate reads are packed, served and asked") {
  const Project project;
  project.write("named.csv", "width,height\n1,2\n3,-4\n0.5,0.5\n");
  project.write("labeled.csv", "width,height,kind\n1,2,0\n3,-4,1\n0.5,0.5,2\n");
  project.write("records.json", R"([{"w": 1, "h": 2}, {"w": 3, "h": -4}, {"w": 0.5, "h": 0.5}])");
  project.write("labeled.json",
                R"([{"w": 1, "h": 2, "kind": 0}, {"w": 3, "h": -4, "kind": 1}, {"w": 0.5, "h": 0.5, "kind": 2}])");
  project.write("lines.jsonl", "{\"w\": 1, \"h\": 2}\n{\"w\": 3, \"h\": -4}\n{\"w\": 0.5, \"h\": 0.5}\n");
  project.write("split.json", R"({"columns": ["w", "h"], "data": [[1, 2], [3, -4], [0.5, 0.5]]})");
  project.write("f64.npy", npy_of({1, 2, 3, -4, 0.5, 0.5}));
  for (const char* file : {"plain.csv", "named.csv", "labeled.csv", "records.json", "labeled.json", "lines.jsonl",
                           "split.json", "f64.npy"}) {
    CAPTURE(file);
    bool labeled = std::string_view(file).starts_with("labeled");
    auto packed = project.pack("{inputs: {x: " + std::string(file) + "}, outputs: {z: z.npy}}",
                               labeled ? "evaluate: {label_column: kind}\n" : "");
    REQUIRE_MESSAGE(packed.exit_code == 0, packed.err);
    check_served(project.folder, "dense.tar", labeled ? "plain.csv" : file);
  }
}

TEST_CASE("samples that a server would refuse are not packed, and the message names the sample") {
  const Project project;
  project.write("three.csv", "1,2,3\n4,5,6\n");
  project.write("two-rows.csv", "1,2\n3,-4\n");
  project.write("words.csv", "width,height\na,b\n");
  project.write("fractions.npy", npy_of({0.1, 2}));
  for (const char* sample :
       {"{inputs: {y: plain.csv}, outputs: {z: z.npy}}", "{inputs: {x: plain.csv}, outputs: {y: z.npy}}",
        "{inputs: {x: three.csv}}", "{inputs: {x: words.csv}}", "{inputs: {x: fractions.npy}}",
        "{inputs: {x: two-rows.csv}, outputs: {z: z.npy}}", "{inputs: {x: plain.csv}, labels: two-rows.csv}"}) {
    CAPTURE(sample);
    auto packed = project.pack(sample);
    CHECK(packed.exit_code == 65);
    CHECK_MESSAGE(packed.err.find("sample 1") != std::string::npos, packed.err);
    CHECK(!fs::exists(project.folder / "dense.tar"));
  }
}

TEST_CASE("files that a table names are packed with it, if they lie in its folder") {
  const test::Scratch scratch;
  auto made = shell(scratch.path(),
                    "modelctl -q init --example scans && cd scans && modelctl -q build && "
                    "modelctl -q key generate -o me --no-password && mkdir data && cp -r samples data/digits");
  REQUIRE_MESSAGE(made.exit_code == 0, made.err);
  const fs::path folder = scratch / "scans";
  const std::string settings = read_text_file(folder / "modelctl.yaml").value();
  const std::string given = "{image: samples/00.png}";
  REQUIRE(settings.find(given) != std::string::npos);
  auto pack = [&](const std::string& table, std::string_view content) {
    REQUIRE(write_file(folder / table, as_bytes(content)));
    REQUIRE(write_file(folder / "modelctl.yaml", as_bytes(settings)));
    auto ran = shell(folder, "modelctl -q run scans.artifact --input " + table + " -o out.json");
    REQUIRE_MESSAGE(ran.exit_code == 0, ran.err);
    std::string with = settings;
    with.replace(with.find(given), given.size(), "{image: " + table + "}\n    outputs: {probability: out.json}");
    REQUIRE(write_file(folder / "modelctl.yaml", as_bytes(with)));
    return shell(folder, "modelctl -q pack --key me.key -o scans.tar");
  };
  auto packed = pack("data/table.csv", "image,digit\ndigits/00.png,7\ndigits/00.png,7\n");
  REQUIRE_MESSAGE(packed.exit_code == 0, packed.err);
  check_served(folder, "scans.tar", "samples/00.png");
  auto elsewhere = pack("data/elsewhere.csv", "image,digit\n../samples/00.png,7\n");
  CHECK(elsewhere.exit_code == 65);
  CHECK_MESSAGE(elsewhere.err.find("sample-elsewhere") != std::string::npos, elsewhere.err);
}
