// The manifest: exactly one representation, and all faults reported with their place.
#include "base/json.hpp"
#include "package/support.hpp"

using namespace modelctl;
using namespace modelctl::package;
using namespace modelctl::package::test;

namespace {

Manifest full() {
  Manifest manifest = draft();
  manifest.timestamp = 1'700'000'000;
  manifest.description = "Reads a handwritten digit";
  manifest.requirements = {"x86_64", {"avx2", "fma"}, 1u << 20, {"libc.so.6"}, "python>=3.11", {"numpy==1.26.4"}};
  manifest.quality = {{"accuracy", 0.98, "held-back digits", Sha256::of(as_bytes("data"))}, {"f1", 1, "", {}}};
  manifest.lineage = {"modelctl 0.1.0", {{"digits.onnx", Sha256::of(as_bytes("onnx"))}}};
  manifest.annotations = {{"example.org/team", "vision"}};
  manifest.entries = {{"code/run.sh", Role::code, true, 10, Sha256::of(as_bytes("a"))},
                      {"model.plan", Role::plan, false, 0, Sha256::of({})}};
  return manifest;
}

// The manifest with one change, as canonical text.
template <class Change>
std::string changed(const Change& change) {
  Json document = parse_json(full().write(), "").value();
  change(document);
  return canonical_json(document);
}

// Every fault that reading the text finds, "place: reason" each.
std::string faults(const std::string& text) {
  auto read = Manifest::read(text);
  if (read) return "none";
  const Error& error = read.error();
  CHECK(error.kind == Kind::bad_input);
  std::string all;
  auto add = [&](const Error& one) {
    std::string_view place = std::string_view(one.where).substr(std::min<std::size_t>(15, one.where.size()));
    all += (all.empty() ? "" : "; ") + std::string(place) + ": " + one.why.back();
  };
  if (error.faults.empty()) add(error);
  for (const Error& one : error.faults) add(one);
  return all;
}

std::string with_paths(std::vector<std::string> paths) {
  Manifest manifest = draft();
  for (std::string& path : paths) manifest.entries.push_back({std::move(path), Role::document, false, 1, {}});
  return faults(manifest.write());
}

std::string path_fault(std::string_view path) {
  auto good = check_path(path);
  return good ? "none" : good.error().why.back();
}

}  // namespace

TEST_CASE("a manifest is read back as it was written") {
  Manifest manifest = full();
  std::string text = manifest.write();
  auto read = Manifest::read(text);
  REQUIRE(read);
  CHECK(*read == manifest);
  CHECK(read->write() == text);
  CHECK(read->payload_size() == 10);
}

TEST_CASE("the text of a manifest is fixed to the byte") {
  Manifest manifest;
  manifest.name = "digits";
  manifest.version = "1.0";
  manifest.entries = {{"model.plan", Role::plan, false, 3, Sha256::of(as_bytes("abc"))}};
  CHECK(manifest.write() ==
        "{\"entries\":[{\"digest\":\"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\","
        "\"mode\":\"0644\",\"path\":\"model.plan\",\"role\":\"plan\",\"size\":3}],\"format\":\"modelctl.package/1\","
        "\"name\":\"digits\",\"timestamp\":0,\"version\":\"1.0\"}");
}

TEST_CASE("each fault of a manifest is reported with its place") {
  CHECK(faults(changed([](Json& json) { json["entries"][0]["path"] = "../etc/passwd"; })) ==
        "/entries/0/path: it leaves its folder through '..'");
  CHECK(faults(changed([](Json& json) { json["entries"][0]["role"] = "virus"; })) ==
        "/entries/0/role: the roles are plan, weights, source, sample, code, document, sbom, provenance");
  CHECK(faults(changed([](Json& json) { json["entries"][0]["mode"] = "4755"; })) ==
        "/entries/0/mode: it is neither '0644' nor '0755'");
  CHECK(faults(changed([](Json& json) { json["entries"][0]["size"] = -1; })) ==
        "/entries/0/size: it is not an integer of 0 or more");
  CHECK(faults(changed([](Json& json) { json["entries"][0]["size"] = 1ull << 53; })) ==
        "/entries/0/size: it is larger than 9007199254740991");
  CHECK(faults(changed([](Json& json) { json["entries"][0]["digest"] = "sha256:AB"; })) ==
        "/entries/0/digest: it is not a digest: 'sha256:' and 64 lower-case hexadecimal digits");
  CHECK(faults(changed([](Json& json) { json["entries"][0].erase("digest"); })) == "/entries/0/digest: it is missing");
  CHECK(faults(changed([](Json& json) { json["entries"][0]["owner"] = "root"; })) ==
        "/entries/0/owner: it is not known");
  CHECK(faults(changed([](Json& json) { json["entries"][0] = 7; })) == "/entries/0: it is not an object");
  CHECK(faults(changed([](Json& json) { json["entries"] = "none"; })) == "/entries: it is not a list");
  CHECK(faults(changed([](Json& json) { json.erase("entries"); })) == "/entries: it is missing");
  CHECK(faults(changed([](Json& json) { json["name"] = "Digits"; })).starts_with("/name: registries allow lower-case"));
  CHECK(faults(changed([](Json& json) { json["version"] = "1/2"; })).starts_with("/version: registries allow letters"));
  CHECK(faults(changed([](Json& json) { json["timestamp"] = 1ull << 40; })) ==
        "/timestamp: it is larger than 8589934591");
  CHECK(faults(changed([](Json& json) { json["licence"] = ""; })) == "/licence: it is empty");
  CHECK(faults(changed([](Json& json) { json["extra"] = true; })) == "/extra: it is not known");
  CHECK(faults(changed([](Json& json) { json["quality"][0]["value"] = "good"; })) ==
        "/quality/0/value: it is not a number");
  CHECK(faults(changed([](Json& json) { json["requires"] = Json::object(); })) == "/requires: it is empty");
  CHECK(faults(changed([](Json& json) { json["requires"]["packages"] = Json::array({1}); })) ==
        "/requires/packages/0: it is not text");
  CHECK(faults(changed([](Json& json) { json["signature"]["inputs"][0]["shape"][0] = -1; })) ==
        "/signature/inputs/0/shape/0: it is neither a size nor a symbol");
  CHECK(faults(changed([](Json& json) { json["annotations"]["a"] = 1; })) == "/annotations/a: it is not text");
  CHECK(faults("{").starts_with(": [json.exception.parse_error.101] parse error at line 1, column 2"));
}

TEST_CASE("all faults are reported at once") {
  std::string all = faults(changed([](Json& json) {
    json["entries"][0]["path"] = "/absolute";
    json["entries"][1]["mode"] = "0777";
    json["licence"] = 3;
  }));
  CHECK(all ==
        "/licence: it is not text; /entries/0/path: it is absolute; /entries/1/mode: it is neither '0644' nor '0755'");
}

TEST_CASE("paths that leave the folder, or mean something else on some system, are refused") {
  CHECK(path_fault("model.plan") == "none");
  CHECK(path_fault("a/b c/d-e_f.0") == "none");
  CHECK(path_fault("..a/b..c/...d") == "none");
  CHECK(path_fault("") == "it is empty");
  CHECK(path_fault("/etc/passwd") == "it is absolute");
  CHECK(path_fault("..") == "it leaves its folder through '..'");
  CHECK(path_fault("a/../../b") == "it leaves its folder through '..'");
  CHECK(path_fault("a/..") == "it leaves its folder through '..'");
  CHECK(path_fault("./a") == "it has a '.' part");
  CHECK(path_fault("a//b") == "it has an empty part");
  CHECK(path_fault("a/") == "it has an empty part");
  CHECK(path_fault("..\\a") == "it holds a backslash");
  CHECK(path_fault(std::string_view("a\0b", 3)) == "it holds a NUL byte");
  CHECK(path_fault("a\nb") == "it holds a control character");
  CHECK(path_fault("a\x7f") == "it holds a control character");
  CHECK(path_fault("caf\xc3\xa9") == "it holds a character that is not ASCII");
  CHECK(path_fault("C:x") == "it holds one of : * ? \" < > | which Windows does not allow");
  CHECK(path_fault("a./b") == "a part ends in a dot or a space, which Windows drops");
  CHECK(path_fault("a ") == "a part ends in a dot or a space, which Windows drops");
  CHECK(path_fault("a/NUL.txt") == "a part is a device's name on Windows");
  CHECK(path_fault("com1") == "a part is a device's name on Windows");
  CHECK(path_fault(std::string(1025, 'a')) == "it is longer than 1024 bytes");
}

TEST_CASE("entries that would meet in one folder are refused") {
  CHECK(with_paths({"a", "b"}) == "none");
  CHECK(with_paths({"a", "a"}) == "/entries: the entry 'a' stands there twice");
  CHECK(with_paths({"b", "a"}) == "/entries: the entry 'a' must stand before 'b'");
  CHECK(with_paths({"A", "a"}) == "/entries: the entry 'a' differs from 'A' in case only");
  CHECK(with_paths({"A/x", "a/y"}) == "/entries: the entry 'a/y' lies in a folder that differs from 'A' in case only");
  CHECK(with_paths({"a", "a/b"}) == "/entries: 'a' is both a file and a folder");
  CHECK(with_paths({"manifest.json"}) == "/entries: the entry 'manifest.json' has a name that is reserved");
  CHECK(with_paths({"Manifest.Sigstore.JSON"}) ==
        "/entries: the entry 'Manifest.Sigstore.JSON' has a name that is reserved");
}

TEST_CASE("sizes that add up to more than can be counted are refused") {
  Manifest manifest = draft();
  manifest.entries = {{"a", Role::weights, false, payload_limit, {}}, {"b", Role::weights, false, 1, {}}};
  CHECK(faults(manifest.write()) == "/entries: their sizes add up to more than 9007199254740991");
}

TEST_CASE("a manifest has one spelling only") {
  std::string text = full().write();
  CHECK(faults(text + "\n") ==
        ": it is not in canonical form: keys sorted, no white space, no other spelling of any value");
  std::string escaped = text;
  escaped.replace(escaped.find("digits"), 1, "\\u0064");
  CHECK(faults(escaped).starts_with(": it is not in canonical form"));
  std::string twice = text;
  twice.insert(1, "\"name\":\"other\",");
  CHECK(faults(twice) == ": the key 'name' stands twice in one object");
}

TEST_CASE("a newer format is unsupported, and a foreign one is invalid") {
  auto newer = Manifest::read(changed([](Json& json) { json["format"] = "modelctl.package/2"; }));
  REQUIRE(!newer);
  CHECK(
      message_of(newer.error()) ==
      "unsupported unsupported-format: cannot read the package format 'modelctl.package/2' | manifest.json: /format | "
      "this program knows 'modelctl.package/1'");
  CHECK(newer.error().hint == "use a newer modelctl");
  CHECK(faults(changed([](Json& json) { json["format"] = "zip"; })) == "/format: it is not 'modelctl.package/1'");
  CHECK(faults("[]") == "/format: it is not 'modelctl.package/1'");
}

TEST_CASE("a manifest that is too large, or has too many entries, is refused") {
  CHECK(faults(std::string(manifest_limit + 1, ' ')) == ": it has 4194305 bytes, and 4194304 are the most");
  Manifest manifest = draft();
  for (int i = 0; i <= 10'000; ++i) {
    std::string number = std::to_string(100'000 + i);
    manifest.entries.push_back({number, Role::document, false, 0, {}});
  }
  CHECK(faults(manifest.write()) == "/entries: it has more than 10000 items");
}

TEST_CASE("package names and versions are those that every registry takes") {
  for (const char* name : {"digits", "team/digits", "a.b", "a_b", "a__b", "a---b", "0"}) CHECK(check_name(name));
  for (const char* name : {"", "/", "a/", "/a", "A", "a..b", "a___b", "-a", "a-", "a.-b", "a b", "a:b"}) {
    CHECK_MESSAGE(!check_name(name), name);
  }
  for (const char* version : {"1", "1.2.3", "latest", "v1-rc_2", "_x"}) CHECK(check_version(version));
  for (const char* version : {"", ".1", "-1", "1+2", "1/2", "1 2"}) CHECK_MESSAGE(!check_version(version), version);
}
