// Every form in which commands take a model, and the caches that they use.
#include "actions/model_source.hpp"
#include "actions/artifact_cache.hpp"
#include "actions/bench.hpp"
#include "actions/build.hpp"
#include "actions/cache_folder.hpp"
#include "actions/evaluate.hpp"
#include "actions/inspect.hpp"
#include "actions/key.hpp"
#include "actions/link.hpp"
#include "actions/pack.hpp"
#include "actions/push.hpp"
#include "actions/run.hpp"
#include "graph/text.hpp"
#include "onnx/writer.hpp"
#include "support/hosts.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <ctime>

using namespace modelctl;
using actions::ModelSource;
namespace fs = std::filesystem;

namespace {

// y = x + w as an ONNX model, an artifact, a program, a package, packed and unpacked, and digits:1.0 in the local
// registry, signed with me.key.
struct Forms {
  Forms() {
    fake.environment.variables["HOME"] = scratch.path().string();
    fake.environment.variables["MODELCTL_REGISTRY"] = (scratch / "registry").string();
    REQUIRE(write_file(model, as_bytes(onnx_of("[1, 2, 3]"))));
    REQUIRE(actions::build({.model = model, .output = scratch / "sum.artifact"}, fake.host));
    REQUIRE(actions::link({scratch / "sum.artifact", scratch / "sum", false, false}, fake.host));
    for (const char* prefix : {"me", "stranger"}) {
      REQUIRE(actions::key_generate({.prefix = scratch / prefix, .no_password = true}, fake.host));
    }
    actions::PackRequest pack;
    pack.artifact = scratch / "sum.artifact";
    pack.name = "digits";
    pack.version = "1.0";
    pack.key = scratch / "me.key";
    pack.output = scratch / "sum.tar";
    REQUIRE(actions::pack(pack, fake.host));
    auto trust = package::Trust::key(scratch / "me.pub");
    REQUIRE(trust);
    REQUIRE(package::unpack(pack.output, scratch / "unpacked", *trust, fake.reporter, fake.stop));
    REQUIRE(actions::push({pack.output, "digits:1.0", {}, false}, fake.host));
    fake.reporter.infos.clear();
    fake.reporter.warnings.clear();
  }

  static std::string onnx_of(const std::string& weights) {
    auto graph = graph::parse_text("graph \"sum\" {\n  input x: f32[n,3]\n  const w: f32[3] = " + weights +
                                   "\n  y: f32[n,3] = Add(x, w)\n  output y\n}");
    REQUIRE_MESSAGE(graph, (graph ? "" : graph.error().what));
    return onnx::write(**graph);
  }
  ModelSource named(const std::string& text, const char* key = "me.pub") const {
    ModelSource source;
    source.text = text;
    if (key != nullptr) source.trust.key = scratch / key;
    return source;
  }
  std::vector<std::string> all() const {
    return {model.string(),       scratch / "sum.artifact", scratch / "sum",
            scratch / "unpacked", scratch / "sum.tar",      "digits:1.0"};
  }
  Result<actions::RunReport> run(const ModelSource& source) {
    return actions::run({source, {"[[1, 1, 1]]"}, {}, 1}, fake.host);
  }
  std::vector<fs::path> kept() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(scratch / ".cache/modelctl/artifacts"))
      files.push_back(entry.path());
    return files;
  }

  test::Scratch scratch;
  test::FakeHost fake;
  fs::path model = scratch / "sum.onnx";
};

Tensor expected() { return Tensor::of<float>(DType::f32, {1, 3}, {2, 3, 4}); }

}  // namespace

TEST_CASE("run, evaluate, bench, link and inspect take every form of a model") {
  Forms forms;
  for (const std::string& text : forms.all()) {
    CAPTURE(text);
    ModelSource source = forms.named(text);
    auto run = forms.run(source);
    REQUIRE_MESSAGE(run, (run ? "" : run.error().what));
    CHECK(same(run->outputs.at(0).tensor, expected()));

    actions::EvaluateRequest evaluate;
    evaluate.model = source;
    evaluate.inputs = {"x=[[1, 1, 1]]"};
    evaluate.expected = {"y=[[2, 3, 4]]"};
    evaluate.threads = 1;
    auto evaluated = actions::evaluate(evaluate, forms.fake.host);
    REQUIRE(evaluated);
    CHECK(evaluated->good);

    actions::BenchRequest bench;
    bench.model = source;
    bench.warm_up_seconds = 0;
    bench.runs = 1;
    bench.threads = 1;
    CHECK(actions::bench(bench, forms.fake.host));

    auto linked = actions::link({source, forms.scratch / "linked", false, false}, forms.fake.host);
    REQUIRE(linked);
    CHECK(same(forms.run(forms.named(forms.scratch / "linked"))->outputs.at(0).tensor, expected()));

    auto inspected = actions::inspect({source}, forms.fake.host);
    REQUIRE(inspected);
    CHECK(inspected->signature.inputs.at(0).name == "x");
    CHECK(inspected->signature.inputs.at(0).dims.at(0).symbol == "n");
    CHECK(inspected->signature.outputs.at(0).type == DType::f32);
  }
}

TEST_CASE("a package or reference that another key signed is refused by every command") {
  Forms forms;
  for (const char* text : {"sum.tar", "unpacked", "digits:1.0"}) {
    CAPTURE(text);
    std::string where = text == std::string("digits:1.0") ? text : (forms.scratch / text).string();
    ModelSource source = forms.named(where, "stranger.pub");
    auto refused = [](const auto& result) { return !result && result.error().code == "wrong-key"; };
    CHECK(refused(forms.run(source)));
    actions::EvaluateRequest evaluate;
    evaluate.model = source;
    evaluate.expected = {"[[2, 3, 4]]"};
    CHECK(refused(actions::evaluate(evaluate, forms.fake.host)));
    actions::BenchRequest bench;
    bench.model = source;
    CHECK(refused(actions::bench(bench, forms.fake.host)));
    CHECK(refused(actions::link({source, forms.scratch / "linked", false, false}, forms.fake.host)));
    CHECK(!fs::exists(forms.scratch / "linked"));
    CHECK(refused(actions::inspect({source}, forms.fake.host)));
  }
}

TEST_CASE("without a trusted key a package is used with a warning, and a reference is not pulled") {
  Forms forms;
  REQUIRE(forms.run(forms.named(forms.scratch / "sum.tar", nullptr)));
  REQUIRE(forms.fake.reporter.warnings.size() == 1);
  CHECK(forms.fake.reporter.warnings[0].code == "signature-not-checked");
  auto pulled = forms.run(forms.named("digits:1.0", nullptr));
  REQUIRE(!pulled);
  CHECK(pulled.error().code == "no-key");
  CHECK(!fs::exists(forms.scratch / ".cache/modelctl/packages"));
}

TEST_CASE("an altered package is not run, and one that was damaged in the cache is pulled again once it was removed") {
  Forms forms;
  fs::path weights = forms.scratch / "unpacked/model.weights";
  auto alter = [](const fs::path& file) {
    auto bytes = read_file(file).value();
    bytes[0] ^= std::byte{1};
    REQUIRE(write_file(file, bytes));
  };
  alter(weights);
  CHECK(forms.run(forms.named(forms.scratch / "unpacked")).error().kind == Kind::untrusted);
  CHECK(forms.run(forms.named(forms.scratch / "unpacked", nullptr)).error().kind == Kind::untrusted);
  REQUIRE(forms.run(forms.named("digits:1.0")));
  fs::path cached = fs::directory_iterator(forms.scratch / ".cache/modelctl/packages")->path();
  alter(cached / "model.weights");
  auto damaged = forms.run(forms.named("digits:1.0"));
  REQUIRE(!damaged);
  CHECK(damaged.error().kind == Kind::untrusted);
  CHECK(damaged.error().hint == "remove '" + cached.string() + "' to have it pulled again");
  fs::remove_all(cached);
  CHECK(forms.run(forms.named("digits:1.0")));
}

TEST_CASE("a text that is neither a file nor a reference is refused, and a file of another kind is named") {
  Forms forms;
  auto nothing = forms.run(forms.named("digits"));
  REQUIRE(!nothing);
  CHECK(nothing.error().code == "no-such-file");
  CHECK(nothing.error().why.at(0) ==
        "there is no such file or folder, and a reference to a package has a tag, as in digits:1.0");
  REQUIRE(write_file(forms.scratch / "note.txt", as_bytes("a note")));
  auto note = forms.run(forms.named(forms.scratch / "note.txt"));
  REQUIRE(!note);
  CHECK(note.error().code == "no-onnx");
  CHECK(note.error().why.back() == "it is text");
  REQUIRE(write_file(forms.scratch / "noise", as_bytes(std::string("\x07\0\x01", 3))));
  auto noise = forms.run(forms.named(forms.scratch / "noise"));
  REQUIRE(!noise);
  CHECK(noise.error().why.back() == "it is not an artifact, a package or a linked program either");
}

TEST_CASE("an ONNX model is built once, and again if it, its weights or what it is bound to change") {
  Forms forms;
  ModelSource source = forms.named(forms.model);
  auto& infos = forms.fake.reporter.infos;
  REQUIRE(forms.run(source));
  REQUIRE(infos.size() == 1);
  CHECK(infos[0].starts_with("built '" + forms.model.string() + "' in "));
  CHECK(infos[0].ends_with(" s (cached)"));
  REQUIRE(forms.run(source));
  CHECK(infos.size() == 1);
  CHECK(forms.kept().size() == 1);

  source.bindings = {{"n", 1}};
  REQUIRE(forms.run(source));
  CHECK(infos.size() == 2);
  REQUIRE(write_file(forms.model, as_bytes(Forms::onnx_of("[0, 0, 0]"))));
  auto changed = forms.run(source);
  REQUIRE(changed);
  CHECK(same(changed->outputs.at(0).tensor, Tensor::of<float>(DType::f32, {1, 3}, {1, 1, 1})));
  CHECK(infos.size() == 3);
  CHECK(forms.kept().size() == 3);
}

TEST_CASE("an artifact that was damaged or cut in the cache is built again") {
  Forms forms;
  ModelSource source = forms.named(forms.model);
  REQUIRE(forms.run(source));
  fs::path kept = forms.kept().at(0);
  auto bytes = read_file(kept).value();
  bytes.back() ^= std::byte{1};
  REQUIRE(write_file(kept, bytes));
  auto repaired = forms.run(source);
  REQUIRE(repaired);
  CHECK(same(repaired->outputs.at(0).tensor, expected()));
  bytes.resize(100);
  REQUIRE(write_file(kept, bytes));
  CHECK(forms.run(source));
  CHECK(forms.fake.reporter.infos.size() == 3);
}

TEST_CASE("a model is built without a cache if there is no place for one") {
  Forms forms;
  forms.fake.environment.variables.erase("HOME");
  REQUIRE(forms.run(forms.named(forms.model)));
  REQUIRE(forms.fake.reporter.infos.size() == 1);
  CHECK(forms.fake.reporter.infos[0].ends_with(" s (not cached: cannot determine where the cache is)"));
}

TEST_CASE("the cache of artifacts keeps to its limit and removes what was used the longest time ago") {
  test::Scratch scratch;
  auto put = [&](const char* name, int hours_ago) {
    fs::path file = scratch / name;
    REQUIRE(write_file(file, as_bytes(std::string(1000, 'x'))));
    timespec times[2] = {};
    times[0].tv_sec = times[1].tv_sec = ::time(nullptr) - hours_ago * 3600;
    REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
  };
  put("old.artifact", 3);
  put("recent.artifact", 1);
  put("oldest.artifact", 9);
  put("notes.txt", 20);
  put("new.artifact", 10);
  actions::limit_cache(scratch.path(), scratch / "new.artifact", 2000);
  CHECK(!fs::exists(scratch / "oldest.artifact"));
  CHECK(!fs::exists(scratch / "old.artifact"));
  CHECK(fs::exists(scratch / "recent.artifact"));
  CHECK(fs::exists(scratch / "notes.txt"));
  actions::limit_cache(scratch.path(), scratch / "new.artifact", 10);
  CHECK(!fs::exists(scratch / "recent.artifact"));
  CHECK(fs::exists(scratch / "new.artifact"));
}

TEST_CASE("the cache of packages keeps to its limit, and what an interrupted pull left is removed after a day") {
  test::Scratch scratch;
  auto put = [&](const std::string& name, int hours_ago) {
    fs::path folder = scratch / name;
    fs::create_directory(folder);
    REQUIRE(write_file(folder / "manifest.json", as_bytes(std::string(1000, 'x'))));
    timespec times[2] = {};
    times[0].tv_sec = times[1].tv_sec = ::time(nullptr) - hours_ago * 3600;
    for (const fs::path& path : {folder / "manifest.json", folder})
      REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
  };
  std::string old(64, 'a'), recent(64, 'b'), now(64, 'c');
  put(old, 30), put(recent, 2), put(now, 0), put("notes", 90);
  put("." + old + ".0123456789abcdef.partial", 25);
  put("." + now + ".0123456789abcdef.partial", 1);
  actions::CacheUse use = actions::limit_cache(scratch.path(), scratch / now, 5000);
  CHECK(use.removed == 1);
  CHECK(use.entries == 4);
  CHECK(!fs::exists(scratch / ("." + old + ".0123456789abcdef.partial")));
  use = actions::limit_cache(scratch.path(), scratch / now, 5000,
                             std::chrono::system_clock::now() - std::chrono::hours(24));
  CHECK(!fs::exists(scratch / old));
  use = actions::limit_cache(scratch.path(), scratch / now, 0);
  CHECK(!fs::exists(scratch / recent));
  CHECK(fs::exists(scratch / now));
  CHECK(fs::exists(scratch / "notes"));
  CHECK(fs::exists(scratch / ("." + now + ".0123456789abcdef.partial")));
}

TEST_CASE(
    "inspect reads the documents of a reference and nothing else, and checks their signature with a trusted key") {
  Forms forms;
  for (const auto& blob : fs::recursive_directory_iterator(forms.scratch / "registry/blobs")) {
    // Of the package's blobs, plan and weights alone begin like an artifact or hold the numbers.
    if (!blob.is_regular_file()) continue;
    std::string text = read_text_file(blob.path()).value();
    if (!text.starts_with("{")) fs::remove(blob.path());
  }
  CHECK(!forms.run(forms.named("digits:1.0")));
  auto report = actions::inspect({forms.named("digits:1.0")}, forms.fake.host);
  REQUIRE_MESSAGE(report, (report ? "" : report.error().what));
  CHECK(report->kind == "package");
  CHECK(report->metadata.at("version") == "1.0");
  CHECK(report->metadata.at("signature") == "by " + (forms.scratch / "me.pub").string());
  CHECK(report->weight_bytes > 0);
  CHECK(report->files.size() == 2);
  CHECK(actions::inspect({forms.named("digits:1.0", nullptr)}, forms.fake.host)->metadata.at("signature") ==
        "not checked");
}
