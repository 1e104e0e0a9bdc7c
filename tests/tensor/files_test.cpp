// How files are assigned to a model's inputs and outputs. NumPy checks the files if it is installed.
#include "tensor/files.hpp"

#include "base/system_host.hpp"
#include "support/scratch.hpp"
#include "tensor/collection.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <sys/stat.h>
#include <cstdio>
#include <fstream>
#include <thread>

using namespace modelctl;
using namespace modelctl::formats;
using modelctl::test::Scratch;

namespace {

const std::vector<Expected> two_inputs = {{"a", DType::f32, Dims{2}}, {"b=c", DType::i64, Dims{-1}}};

void write(const std::filesystem::path& path, std::string_view text) { REQUIRE(write_file(path, as_bytes(text))); }

void save(const std::filesystem::path& path, std::vector<NamedTensor> tensors) { REQUIRE(save_outputs(path, tensors)); }
NamedTensor a() { return {"a", Tensor::of<float>(DType::f32, {2}, {1, 2})}; }
NamedTensor b() { return {"b=c", Tensor::of<std::int64_t>(DType::i64, {3}, {3, 4, 5})}; }

bool are_a_and_b(const Result<std::vector<Tensor>>& tensors) {
  return tensors && tensors->size() == 2 && same((*tensors)[0], a().tensor) && same((*tensors)[1], b().tensor);
}
Result<std::vector<Tensor>> inputs_of(std::vector<std::string> arguments, std::vector<Expected> expected = two_inputs) {
  return load_inputs(arguments, expected);
}
std::string fault(const Result<std::vector<Tensor>>& result) { return result ? "it was read" : result.error().what; }

}  // namespace

TEST_CASE("a FIFO gets all outputs as JSON, unless its name says something else") {
  Scratch scratch;
  std::string pipe = scratch / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  std::string received;
  std::thread reader([&] {
    std::ifstream in(pipe);
    received.assign(std::istreambuf_iterator<char>(in), {});
  });
  save(pipe, {a(), b()});
  reader.join();
  write(scratch / "all.json", received);
  CHECK(are_a_and_b(inputs_of({scratch / "all.json"})));
}

TEST_CASE("inputs are given by position, by name, or by both") {
  Scratch scratch;
  std::string x = scratch / "x.npy", y = scratch / "y.npy";
  save(x, {a()});
  save(y, {b()});
  CHECK(are_a_and_b(inputs_of({x, y})));
  CHECK(are_a_and_b(inputs_of({"b=c=" + y, "a=" + x})));
  CHECK(are_a_and_b(inputs_of({"b=c=" + y, x})));
  CHECK(are_a_and_b(inputs_of({y, "a=" + x})));
}

TEST_CASE("a file that names its tensors fills the inputs of those names") {
  Scratch scratch;
  for (const char* name : {"all.npz", "all.json"}) {
    std::string file = scratch / name;
    save(file, {b(), a()});
    CHECK(are_a_and_b(inputs_of({file})));
    save(file, {a()});
    std::string rest = scratch / "b.csv";
    write(rest, "3\n4\n5\n");
    CHECK(are_a_and_b(inputs_of({file, rest})));
    CHECK(are_a_and_b(inputs_of({"a=" + file, rest})));
  }
}

TEST_CASE("a text that is JSON is the tensor itself, by position, by name, or several by name") {
  CHECK(are_a_and_b(inputs_of({"[1, 2]", "[3, 4, 5]"})));
  CHECK(are_a_and_b(inputs_of({"b=c=[3,4,5]", " [1, 2]"})));
  CHECK(are_a_and_b(inputs_of({R"({"b=c": [3, 4, 5], "a": {"datatype": "FP32", "shape": [2], "data": [1, 2]}})"})));
  auto scalars = inputs_of({"-0.5", "true", R"("text")"},
                           {{"a", DType::f32, Dims{}}, {"b", DType::boolean, Dims{}}, {"c", DType::string, Dims{}}});
  REQUIRE(scalars);
  CHECK((*scalars)[0].as<float>()[0] == -0.5f);
  CHECK((*scalars)[2].as<std::string>()[0] == "text");
  CHECK(fault(inputs_of({"[1, 2"})) == "cannot read '[1, 2'");
  CHECK(fault(inputs_of({"a=null"})) == "cannot read 'null'");
  CHECK(fault(inputs_of({R"({"c": [1]})"})) == R"(cannot use '{"c": [1]}': the model has no input 'c')");
  CHECK(fault(inputs_of({"a=1.npy"})) == "cannot open '1.npy'");
  std::string long_list = "[1" + std::string(200, ' ') + "]";
  CHECK(fault(inputs_of({"a=" + long_list})) ==
        "cannot use '" + long_list.substr(0, 60) + "…' as 'a': it is f32[1], but the model expects f32[2]");
}

TEST_CASE("content without a file name shows its format") {
  auto extension = [](std::string_view content) {
    auto format = format_of_content(as_bytes(content), "standard input");
    return format ? std::string((*format)->extension) : format.error().why.at(0);
  };
  CHECK(extension(" \n[1]") == ".json");
  CHECK(extension("{}") == ".json");
  CHECK(extension("1,2\n") == ".csv");
  CHECK(extension("-1") == ".csv");
  CHECK(extension("PK,name\n1,2\n") == ".csv");
  CHECK(extension("\xef\xbb\xbfx,y\n") == ".csv");
  for (const char* name : {"x.npy", "x.npz", "x.json", "x.csv"}) {
    Scratch scratch;
    save(scratch / name, {a()});
    CHECK(name == "x" + extension(read_text_file(scratch / name).value()));
  }
  CHECK(extension("") == "it is empty");
  CHECK(extension("\x08\x0a").starts_with("its content is none of: .csv, "));
}

TEST_CASE("names that NumPy generates are positions") {
  Scratch scratch;
  std::string file = scratch / "all.npz";
  save(file, {{"arr_0", a().tensor}, {"arr_1", b().tensor}});
  CHECK(are_a_and_b(inputs_of({file})));
}

TEST_CASE("a plain list takes the type of the input that it is for") {
  Scratch scratch;
  std::string x = scratch / "x.json", y = scratch / "y.JSON";
  write(x, "[1, 2]");
  write(y, "[3, 4, 5]");
  CHECK(are_a_and_b(inputs_of({x, y})));
  CHECK(are_a_and_b(inputs_of({"b=c=" + y, "a=" + x})));
}

TEST_CASE("an input that is missing, unknown, or given twice is refused") {
  Scratch scratch;
  std::string x = scratch / "x.npy", all = scratch / "all.npz";
  save(x, {a()});
  save(all, {a(), b()});
  auto missing = inputs_of({});
  REQUIRE(!missing);
  CHECK(missing.error().what == "cannot run the model");
  CHECK(missing.error().kind == Kind::usage);
  REQUIRE(missing.error().faults.size() == 2);
  CHECK(missing.error().faults[1].what == "no file is given for the input 'b=c', i64[?]");
  CHECK(missing.error().faults[1].hint == "add --input b=c=FILE");
  CHECK(fault(inputs_of({x})) == "no file is given for the input 'b=c', i64[?]");
  auto unknown = inputs_of({"aa=" + x});
  REQUIRE(!unknown);
  CHECK(unknown.error().what == "cannot use 'aa=" + x + "': the model has no input 'aa'");
  CHECK(fault(inputs_of({"a=" + x, all})) == "cannot take '" + all + "' as 'a': '" + x + "' is that already");
  CHECK(fault(inputs_of({all, x})) == "cannot use '" + x + "': all 2 inputs of the model are given already");
  CHECK(fault(inputs_of({"b=c=" + all, "a=" + all})) == "it was read");
  save(all, {{"c", a().tensor}, {"d", a().tensor}});
  CHECK(fault(inputs_of({all})) == "cannot use '" + all + "': the model has no input 'c'");
  CHECK(fault(inputs_of({"a=" + all})) == "cannot use '" + all + "' as 'a': it holds 2 tensors, none of that name");
}

TEST_CASE("a mistyped input name is answered with the right one") {
  auto result = inputs_of({"imag=x.npy"}, {{"image", DType::f32, std::nullopt}});
  REQUIRE(!result);
  CHECK(result.error().code == "unknown-input");
  CHECK(result.error().hint == "did you mean 'image'?");
}

TEST_CASE("a tensor of the wrong type, rank or shape is refused with what is wanted") {
  Scratch scratch;
  std::string file = scratch / "x.npy";
  auto refused = [&](Tensor tensor) {
    save(file, {{"", std::move(tensor)}});
    auto result = inputs_of({file}, {{"image", DType::f32, Dims{-1, 8}}});
    REQUIRE(!result);
    CHECK(result.error().where == file);
    return result.error().code + ": " + result.error().what;
  };
  std::string start = "cannot use '" + file + "' as 'image': it is ";
  CHECK(refused(Tensor(DType::f64, {1, 8})) == "wrong-type: " + start + "f64[1,8], but the model expects f32[?,8]");
  CHECK(refused(Tensor(DType::f32, {8})) == "wrong-rank: " + start + "f32[8], but the model expects f32[?,8]");
  CHECK(refused(Tensor(DType::f32, {1, 9})) == "wrong-shape: " + start + "f32[1,9], but the model expects f32[?,8]");
}

TEST_CASE("a file that is missing or of no known format is refused") {
  Scratch scratch;
  std::string missing = scratch / "missing.npy";
  CHECK(fault(inputs_of({missing})) == "cannot open '" + missing + "'");
  auto unknown = inputs_of({"a=x.txt"});
  REQUIRE(!unknown);
  CHECK(unknown.error().what == "cannot determine the format of 'x.txt' from its name");
  CHECK(unknown.error().hint.starts_with("use a name that ends in one of: .csv, "));
}

TEST_CASE("outputs go into a folder one by one, in the model's order") {
  Scratch scratch;
  auto written = save_outputs(scratch / "out", std::vector<NamedTensor>{a(), b()});
  REQUIRE(written);
  CHECK(*written ==
        std::vector<std::filesystem::path>{scratch / "out" / "output_0.npy", scratch / "out" / "output_1.npy"});
  auto back = formats::load(scratch / "out" / "output_1.npy");
  REQUIRE(back);
  CHECK(same((*back)[0].tensor, b().tensor));
  std::filesystem::create_directory(scratch / "v1.2");
  CHECK(save_outputs(scratch / "v1.2", std::vector<NamedTensor>{a()}));
  CHECK(std::filesystem::exists(scratch / "v1.2" / "output_0.npy"));
}

TEST_CASE("outputs that are not tensors go into the folder as JSON, and a failed output leaves no folder") {
  Scratch scratch;
  Tensor keys = Tensor::of_ints(Dims{7, 9});
  Sequence rows{DType::map, {tensor_of(Map{keys, Tensor::of<float>(DType::f32, {2}, {0.5f, 1})})}};
  auto written = save_outputs(scratch / "out", std::vector<NamedTensor>{a(), {"rows", tensor_of(std::move(rows))}});
  REQUIRE(written);
  CHECK(*written ==
        std::vector<std::filesystem::path>{scratch / "out" / "output_0.npy", scratch / "out" / "output_1.json"});
  CHECK(as_text(*read_file(scratch / "out" / "output_1.json")) ==
        "{\n\"rows\": {\"sequence\": [\n{\"map\": {\"7\": 0.5, \"9\": 1.0}}]}\n}\n");
  Sequence wrong{DType::f32, {Tensor(DType::c64, {1})}};
  CHECK(!save_outputs(scratch / "new", std::vector<NamedTensor>{a(), {"wrong", tensor_of(std::move(wrong))}}));
  CHECK(!std::filesystem::exists(scratch / "new"));
}

TEST_CASE("a file of one tensor takes no two, and a failed write leaves nothing") {
  Scratch scratch;
  auto refused = save_outputs(scratch / "x.npy", std::vector<NamedTensor>{a(), b()});
  REQUIRE(!refused);
  CHECK(refused.error().what ==
        "cannot write 2 outputs to '" + (scratch / "x.npy").string() + "': a .npy file holds one");
  refused = save_outputs(scratch / "x.json", std::vector<NamedTensor>{{"x", Tensor(DType::c64, {1})}});
  REQUIRE(!refused);
  CHECK(refused.error().where == (scratch / "x.json").string());
  CHECK(std::filesystem::is_empty(scratch.path()));
  refused = save_outputs(scratch / "x.txt", std::vector<NamedTensor>{a()});
  REQUIRE(!refused);
  CHECK(refused.error().code == "unknown-format");
}

TEST_CASE("numpy reads what is written here, and is read back here") {
  StopToken stop;
  SystemProcesses processes(stop);
  std::string python = SystemEnvironment().get("MODELCTL_PYTHON").value_or("python3");
  auto run = [&](const std::vector<std::string>& command) { return processes.run(command, {}); };
  auto probe = run({python, "-c", "import numpy"});
  if (!probe || probe->exit_code != 0) {
    std::printf("skipped: %s has no numpy\n", python.c_str());
    return;
  }
  Scratch scratch;
  std::vector<NamedTensor> tensors;
  for (DType type : {DType::f16, DType::f32, DType::f64, DType::i8, DType::i16, DType::i32, DType::i64, DType::u8,
                     DType::u16, DType::u32, DType::u64, DType::boolean, DType::c64, DType::c128}) {
    Tensor tensor(type, {2, 3});
    auto* bytes = static_cast<std::uint8_t*>(tensor.mutable_view().data);
    for (std::size_t i = 0; i < tensor.bytes().size(); ++i) bytes[i] = type == DType::boolean ? i % 2 : i + 1;
    tensors.push_back({std::string(name(type)), tensor});
  }
  tensors.push_back({"string", Tensor::of_strings({2}, {"caf\xc3\xa9", ""})});
  tensors.push_back({"scalar", Tensor::scalar<float>(DType::f32, 1.5f)});
  tensors.push_back({"empty", Tensor(DType::f32, {0, 3})});
  std::string ours = scratch / "ours.npz", plain = scratch / "plain.npz", packed = scratch / "packed.npz";
  save(ours, tensors);
  auto result = run({python, "-c",
                     "import numpy, sys\n"
                     "arrays = dict(numpy.load(sys.argv[1]))\n"
                     "assert arrays['f32'].dtype == 'f4' and arrays['f32'].shape == (2, 3)\n"
                     "assert arrays['string'].tolist() == ['caf\\u00e9', '']\n"
                     "numpy.savez(sys.argv[2], **arrays)\n"
                     "numpy.savez_compressed(sys.argv[3], **{k: numpy.asfortranarray(v).astype(\n"
                     "    v.dtype.newbyteorder('>')) if v.ndim == 2 else v for k, v in arrays.items()})\n",
                     ours, plain, packed});
  REQUIRE(result);
  CHECK_MESSAGE(result->exit_code == 0, result->err);
  for (const std::string& theirs : {plain, packed}) {
    auto back = formats::load(theirs);
    if (!back) FAIL(back.error().what << ": " << back.error().why.front());
    REQUIRE(back->size() == tensors.size());
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      CHECK_MESSAGE(same((*back)[i].tensor, tensors[i].tensor), tensors[i].name);
    }
  }
}
