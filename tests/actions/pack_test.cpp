// The actions `pack`, `verify` and `key`: what a package contains, that it is reproducible, and who is trusted.
#include "actions/pack.hpp"
#include "actions/key.hpp"
#include "actions/push.hpp"
#include "actions/verify.hpp"
#include "support/hosts.hpp"
#include "support/plans.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>

#include <sys/stat.h>

using namespace modelctl;
using modelctl::test::FakeHost;
using modelctl::test::PlanMaker;
using modelctl::test::Scratch;

namespace {

void write_artifact(const std::filesystem::path& path) {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {"n", 3});
  auto w = maker.constant("w", Tensor::of<float>(DType::f32, {3}, {1, 2, 3}));
  auto y = maker.like("y", x);
  maker.step("op::Add", {x, w}, {y});
  maker.output("y", y);
  maker.plan.metadata = {{"model", "small.onnx"},
                         {"producer", "modelctl 0.1.0"},
                         {"source", "sha256:" + std::string(64, 'a')},
                         {"source.external.w.bin", "sha256:" + std::string(64, 'b')}};
  REQUIRE(maker.writer.write(maker.plan, path));
}

// A folder with an artifact and a pair of keys, and a request that packs it.
struct Project {
  Project() {
    write_artifact(scratch / "small.artifact");
    fake.environment.variables["MODELCTL_PASSWORD"] = "correct horse";
    actions::KeyGenerateRequest keys;
    keys.prefix = scratch / "release";
    REQUIRE(actions::key_generate(keys, fake.host));
    request.artifact = scratch / "small.artifact";
    request.name = "small";
    request.version = "1";
    request.key = scratch / "release.key";
    request.output = scratch / "small.tar";
    verify.package = scratch / "small.tar";
    verify.trust.key = scratch / "release.pub";
  }
  Scratch scratch;
  FakeHost fake;
  actions::PackRequest request;
  actions::VerifyRequest verify;
};

std::string bytes_of(const std::filesystem::path& path) { return read_text_file(path).value(); }

}  // namespace

TEST_CASE("an artifact is packed as plan and weights, with the model's signature and lineage") {
  Project project;
  REQUIRE(write_file(project.scratch / "x.npy", as_bytes("numbers")));
  project.request.files = {{package::Role::sample, project.scratch / "x.npy"}};
  auto report = actions::pack(project.request, project.fake.host);
  REQUIRE(report);
  auto verified = actions::verify(project.verify, project.fake.host);
  REQUIRE(verified);
  CHECK(verified->signed_manifest->digest == report->digest);
  const package::Manifest& manifest = verified->signed_manifest->manifest;
  CHECK(manifest.inputs == std::vector<package::TensorSignature>{{"x", "f32", {{0, "n"}, {3, {}}}}});
  CHECK(manifest.outputs.size() == 1);
  CHECK(manifest.lineage.builder == "modelctl 0.1.0");
  REQUIRE(manifest.lineage.sources.size() == 2);
  CHECK(manifest.lineage.sources[0].name == "small.onnx");
  CHECK(manifest.lineage.sources[1].name == "w.bin");
  CHECK(manifest.lineage.sources[0].digest.hex() == std::string(64, 'a'));

  auto opened = package::Package::open(project.request.output);
  REQUIRE(opened);
  CHECK(as_text(opened->content("samples/x.npy").value()) == "numbers");
  std::string plan(as_text(opened->content("model.plan").value()));
  std::string weights(as_text(opened->content("model.weights").value()));
  CHECK(plan + weights == bytes_of(project.request.artifact));
}

TEST_CASE("samples travel with a list of what they are to the model") {
  Project project;
  REQUIRE(make_folder(project.scratch / "other"));
  for (auto [name, row] : {std::pair("x.csv", "1,2,3\n"), std::pair("y.csv", "2,4,6\n"),
                           std::pair("other/x.csv", "1,2,3.0\n"), std::pair("labels.txt", "2\n")})
    REQUIRE(write_file(project.scratch / name, as_bytes(std::string_view(row))));
  project.request.samples = {
      {"first", {{"x", project.scratch / "x.csv"}}, {{"y", project.scratch / "y.csv"}}, project.scratch / "labels.txt"},
      {"", {{"x", project.scratch / "other/x.csv"}}, {{"y", project.scratch / "y.csv"}}, {}}};
  REQUIRE(actions::pack(project.request, project.fake.host));
  auto opened = package::Package::open(project.request.output);
  REQUIRE(opened);
  CHECK(
      as_text(opened->content("samples/samples.json").value()) ==
      R"({"format":"modelctl.samples/1","samples":[)"
      R"({"inputs":{"x":"samples/x.csv"},"labels":"samples/labels.txt","name":"first","outputs":{"y":"samples/y.csv"}},)"
      R"({"inputs":{"x":"samples/2-x.csv"},"outputs":{"y":"samples/y.csv"}}]})");
  CHECK(as_text(opened->content("samples/2-x.csv").value()) == "1,2,3.0\n");
  CHECK(opened->manifest().entries.size() == 7);
}

TEST_CASE("a file of a sample may be named again, and another one of its name not") {
  Project project;
  REQUIRE(make_folder(project.scratch / "other"));
  for (const char* name : {"x.csv", "other/x.csv"})
    REQUIRE(write_file(project.scratch / name, as_bytes(std::string_view("1,2,3\n"))));
  project.request.samples = {{"", {{"x", project.scratch / "x.csv"}}, {}, {}}};
  project.request.files = {{package::Role::sample, project.scratch / "x.csv"}};
  auto packed = actions::pack(project.request, project.fake.host);
  REQUIRE(packed);
  CHECK(packed->manifest.entries.size() == 4);
  project.request.files = {{package::Role::sample, project.scratch / "other/x.csv"}};
  auto refused = actions::pack(project.request, project.fake.host);
  REQUIRE(!refused);
  CHECK(refused.error().code == "same-entry");
}

TEST_CASE("samples that the model refuses or that are wrong are not packed") {
  Project project;
  for (auto [name, rows] :
       {std::pair("x.csv", "1,2,3\n4,5,6\n"), std::pair("y.csv", "2,4,6\n5,7,9\n"), std::pair("short.csv", "2,4,6\n"),
        std::pair("two.csv", "1,2\n"), std::pair("wrong.csv", "2,4,6\n5,7,8\n"),
        std::pair("words.csv", "a,b,c\nx,y,z\n"), std::pair("labels.txt", "1\n2\n0\n")})
    REQUIRE(write_file(project.scratch / name, as_bytes(std::string_view(rows))));
  auto refused = [&](const char* input, const char* x, const char* output, const char* y, const char* labels = "") {
    actions::PackRequest::Sample sample{"", {{input, project.scratch / x}}, {}, {}};
    if (*y != 0) sample.outputs = {{output, project.scratch / y}};
    if (*labels != 0) sample.labels = project.scratch / labels;
    project.request.samples = {std::move(sample)};
    auto packed = actions::pack(project.request, project.fake.host);
    return packed ? std::string("packed") : packed.error().code;
  };
  CHECK(refused("x", "x.csv", "y", "y.csv") == "packed");
  CHECK(refused("x", "x.csv", "", "") == "packed");
  CHECK(refused("q", "x.csv", "", "") == "bad-sample");
  CHECK(refused("x", "x.csv", "q", "y.csv") == "bad-sample");
  CHECK(refused("x", "x.csv", "y", "short.csv") == "wrong-shape");
  CHECK(refused("x", "x.csv", "y", "wrong.csv") == "wrong-answers");
  CHECK(refused("x", "two.csv", "", "") == "wrong-shape");
  CHECK(refused("x", "words.csv", "", "") == "bad-tensor-file");
  CHECK(refused("x", "x.csv", "", "", "labels.txt") == "wrong-shape");
}

TEST_CASE("the column of the labels and the names of the classes are in the package") {
  Project project;
  for (auto [name, rows] :
       {std::pair("both.csv", "a,b,c,kind\n1,2,3,high\n"), std::pair("classes.txt", "low\nmiddle\nhigh\n")})
    REQUIRE(write_file(project.scratch / name, as_bytes(std::string_view(rows))));
  project.request.samples = {{"", {{"x", project.scratch / "both.csv"}}, {}, {}}};
  project.request.label_column = "kind";
  project.request.classes = project.scratch / "classes.txt";
  REQUIRE(actions::pack(project.request, project.fake.host));
  auto opened = package::Package::open(project.request.output);
  REQUIRE(opened);
  CHECK(as_text(opened->content("samples/samples.json").value()) ==
        R"({"classes":"samples/classes.txt","format":"modelctl.samples/1","label_column":"kind",)"
        R"("samples":[{"inputs":{"x":"samples/both.csv"}}]})");
  project.request.label_column = "class";
  auto refused = actions::pack(project.request, project.fake.host);
  REQUIRE(!refused);
  CHECK(refused.error().code != "");
}

TEST_CASE("placeholders are packed with a warning that lists them") {
  Project project;
  REQUIRE(
      write_file(project.scratch / "README.md", as_bytes("# small\n\nTODO: what it does.\nTODOS is another word.\n")));
  project.request.files = {{package::Role::document, project.scratch / "README.md"}};
  project.request.description = "TODO";
  REQUIRE(actions::pack(project.request, project.fake.host));
  const auto& warnings = project.fake.reporter.warnings;
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0].why == std::vector<std::string>{"line 3: TODO: what it does."});
  CHECK(warnings[1].why ==
        std::vector<std::string>{"package.description is a placeholder", "package.license is not set"});
}

TEST_CASE("a package needs a name and a version") {
  Project project;
  project.request.version = "";
  auto refused = actions::pack(project.request, project.fake.host);
  REQUIRE(!refused);
  CHECK(refused.error().what == "cannot pack: the package has no version");
  CHECK(refused.error().hint == "give --name and --version, or package.name and package.version in modelctl.yaml");
}

TEST_CASE("packed again on another day, under another umask and elsewhere, the package has the same bytes") {
  Project project;
  REQUIRE(actions::pack(project.request, project.fake.host));
  std::string first = bytes_of(project.request.output);

  std::filesystem::path elsewhere = project.scratch / "elsewhere";
  REQUIRE(make_folder(elsewhere));
  std::filesystem::copy(project.request.artifact, elsewhere / "other.artifact");
  std::filesystem::permissions(elsewhere / "other.artifact", std::filesystem::perms(0700));
  project.request.artifact = elsewhere / "other.artifact";
  project.request.output = elsewhere / "other.tar";
  project.fake.clock.elapsed += std::chrono::hours(24 * 365);
  mode_t old = ::umask(0077);
  bool packed = actions::pack(project.request, project.fake.host).has_value();
  ::umask(old);
  REQUIRE(packed);
  CHECK(bytes_of(project.request.output) == first);
}

TEST_CASE("SOURCE_DATE_EPOCH is the time of every file in the package") {
  Project project;
  project.fake.environment.variables["SOURCE_DATE_EPOCH"] = "1700000000";
  auto report = actions::pack(project.request, project.fake.host);
  REQUIRE(report);
  CHECK(report->manifest.timestamp == 1'700'000'000);
  CHECK(actions::verify(project.verify, project.fake.host));

  project.fake.environment.variables["SOURCE_DATE_EPOCH"] = "yesterday";
  auto refused = actions::pack(project.request, project.fake.host);
  REQUIRE(!refused);
  CHECK(refused.error().what == "cannot use the time 'yesterday'");
}

TEST_CASE(
    "a wrong passphrase does not open a key, and without a terminal the error states that none can be asked for") {
  Project project;
  project.fake.environment.variables["MODELCTL_PASSWORD"] = "wrong";
  auto wrong = actions::pack(project.request, project.fake.host);
  REQUIRE(!wrong);
  CHECK(wrong.error().code == "wrong-passphrase");
  CHECK(wrong.error().kind == Kind::denied);

  project.fake.environment.variables.clear();
  auto nobody = actions::pack(project.request, project.fake.host);
  REQUIRE(!nobody);
  CHECK(nobody.error().what == "cannot ask for the passphrase: there is no terminal");
  CHECK(nobody.error().hint == "set MODELCTL_PASSWORD, or pass --password-file FILE");

  project.fake.reporter.secret = "correct horse";
  CHECK(actions::pack(project.request, project.fake.host));
  CHECK(!std::filesystem::exists(project.scratch / "other.tar"));
}

TEST_CASE("a package in a registry is verified in place") {
  Project project;
  std::filesystem::path registry = project.scratch / "registry";
  project.fake.environment.variables["MODELCTL_REGISTRY"] = registry.string();
  REQUIRE(actions::pack(project.request, project.fake.host));
  REQUIRE(actions::push({project.request.output, "small:1"}, project.fake.host));
  project.verify.package = "small:1";
  auto verified = actions::verify(project.verify, project.fake.host);
  REQUIRE(verified);
  CHECK(verified->signed_manifest->manifest.name == "small");

  std::string weights = verified->signed_manifest->manifest.find("model.weights")->digest.hex();
  for (const auto& blob : std::filesystem::recursive_directory_iterator(registry)) {
    if (blob.path().filename() == weights)
      REQUIRE(write_file(blob.path(), as_bytes(std::string(blob.file_size(), 'x'))));
  }
  auto refused = actions::verify(project.verify, project.fake.host);
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::untrusted);

  project.verify.package = "small:2";
  auto missing = actions::verify(project.verify, project.fake.host);
  REQUIRE(!missing);
  CHECK(missing.error().kind == Kind::not_found);
}

TEST_CASE("no key is trusted by default") {
  Project project;
  REQUIRE(actions::pack(project.request, project.fake.host));
  project.verify.trust = {};
  auto refused = actions::verify(project.verify, project.fake.host);
  REQUIRE(!refused);
  CHECK(refused.error().what == "cannot check a signature: no key to check it with was given");
  CHECK(refused.error().kind == Kind::usage);
}

TEST_CASE("a package that another key signed is refused, with both keys named") {
  Project project;
  REQUIRE(actions::pack(project.request, project.fake.host));
  actions::KeyGenerateRequest other;
  other.prefix = project.scratch / "other";
  auto keys = actions::key_generate(other, project.fake.host);
  auto ours = actions::key_show({project.scratch / "release.pub"}, project.fake.host);
  REQUIRE(keys);
  REQUIRE(ours);
  project.verify.trust.key = project.scratch / "other.pub";
  auto refused = actions::verify(project.verify, project.fake.host);
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::untrusted);
  CHECK(refused.error().what == "cannot trust the package: it is signed with another key");
  CHECK(refused.error().why.back() == "it is signed with the key " + ours->fingerprint.text() + ", and you trust '" +
                                          (project.scratch / "other.pub").string() + "' (" + keys->fingerprint.text() +
                                          ")");
}

TEST_CASE("a trust file gives names to keys") {
  Project project;
  REQUIRE(actions::pack(project.request, project.fake.host));
  std::string text = R"({"format": "modelctl.trust/1", "keys": [{"name": "release team", "file": "release.pub"}]})";
  REQUIRE(write_file(project.scratch / "trusted.json", as_bytes(text)));
  project.verify.trust = {};
  project.fake.environment.variables["MODELCTL_TRUST"] = (project.scratch / "trusted.json").string();
  auto verified = actions::verify(project.verify, project.fake.host);
  REQUIRE(verified);
  CHECK(verified->signed_manifest->signer.name == "release team");
}

TEST_CASE("keys are private, are not overwritten, and need a passphrase or the option --no-password") {
  Project project;
  auto mode = std::filesystem::status(project.scratch / "release.key").permissions();
  CHECK((mode == std::filesystem::perms(0600)));
  CHECK(bytes_of(project.scratch / "release.key").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));

  actions::KeyGenerateRequest again;
  again.prefix = project.scratch / "release";
  auto refused = actions::key_generate(again, project.fake.host);
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::conflict);
  again.force = true;
  CHECK(actions::key_generate(again, project.fake.host));

  project.fake.environment.variables["MODELCTL_PASSWORD"] = "";
  actions::KeyGenerateRequest open;
  open.prefix = project.scratch / "open";
  auto empty = actions::key_generate(open, project.fake.host);
  REQUIRE(!empty);
  CHECK(empty.error().what == "cannot protect the key with an empty passphrase");
  open.no_password = true;
  REQUIRE(actions::key_generate(open, project.fake.host));
  CHECK(bytes_of(project.scratch / "open.key").starts_with("-----BEGIN PRIVATE KEY-----\n"));
  project.request.key = project.scratch / "open.key";
  CHECK(actions::pack(project.request, project.fake.host));
}
