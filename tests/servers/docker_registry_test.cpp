// Debian's docker-registry with TLS and htpasswd, and skopeo as an independent reader of what is pushed.
#include "actions/inspect.hpp"
#include "actions/login.hpp"
#include "actions/run.hpp"
#include "actions/serve.hpp"
#include "base/json.hpp"
#include "support.hpp"
#include "support/plans.hpp"
#include "transport/oci_registry.hpp"

#include <doctest/doctest.h>
#include <fmt/core.h>

using namespace modelctl;
using namespace modelctl::transport;
using namespace modelctl::transport::test;
namespace fs = std::filesystem;

namespace {

struct Registry {
  Shop& shop;
  modelctl::test::Certificates certificates = *modelctl::test::make_certificates(shop.scratch);
  int port = modelctl::test::free_port();
  std::string host = fmt::format("localhost:{}", port);
  modelctl::test::Program program = start();

  explicit Registry(Shop& shop) : shop(shop) {
    REQUIRE(program.runs());
    shop.remote.ca_file = certificates.authority;
  }
  Result<actions::LoginReport> login(const std::string& password) {
    return actions::login({host, "ci", password, shop.remote}, shop.host);
  }

 private:
  modelctl::test::Program start() {
    auto users = run({"htpasswd", "-nbB", "-C", "4", "ci", "correct horse"});
    REQUIRE(write_file(shop.scratch / "users", as_bytes(users.out)));
    std::string config = fmt::format(R"(version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {0}}}}}
http:
  addr: 127.0.0.1:{1}
  tls: {{certificate: {2}, key: {3}}}
auth: {{htpasswd: {{realm: tests, path: {4}}}}}
)",
                                     (shop.scratch / "storage").string(), port, certificates.certificate.string(),
                                     certificates.key.string(), (shop.scratch / "users").string());
    REQUIRE(write_file(shop.scratch / "registry.yml", as_bytes(config)));
    return {{modelctl::test::find_program("docker-registry"), "serve", (shop.scratch / "registry.yml").string()},
            port,
            shop.scratch / "registry.log"};
  }
};

std::vector<package::Payload> payload(std::size_t weights) {
  std::string bytes;
  for (std::size_t i = 0; i < weights; ++i) bytes += static_cast<char>(i * 2654435761u >> 15);
  auto all = package::test::small_payload();
  all[0].content = package::Content::of_bytes(bytes);
  return all;
}

// The artifact of y = x + w.
fs::path write_sum(const fs::path& folder) {
  modelctl::test::PlanMaker maker;
  auto x = maker.input("x", DType::f32, {2});
  auto w = maker.constant("w", Tensor::of<float>(DType::f32, {2}, {1, 2}));
  auto y = maker.like("y", x);
  maker.step("op::Add", {x, w}, {y});
  maker.output("y", y);
  REQUIRE(maker.writer.write(maker.plan, folder / "sum.artifact"));
  return folder / "sum.artifact";
}

std::vector<package::Payload> payload_of(const fs::path& artifact) {
  auto opened = artifact::open(artifact);
  REQUIRE(opened);
  return {{"model.plan", package::Role::plan, false, package::Content::of_range(artifact, 0, opened->plan_part.size())},
          {"model.weights", package::Role::weights, false,
           package::Content::of_range(artifact, opened->plan_part.size(), opened->weights.size())}};
}

// What skopeo says, given our login and authority. Go reads SSL_CERT_FILE.
Ran skopeo(const Registry& registry, std::vector<std::string> words) {
  std::vector<std::string> command{"env", "SSL_CERT_FILE=" + registry.certificates.authority.string(),
                                   "REGISTRY_AUTH_FILE=" + (registry.shop.scratch / ".docker/config.json").string(),
                                   "skopeo"};
  command.insert(command.end(), words.begin(), words.end());
  return run(std::move(command));
}

}  // namespace

TEST_CASE("docker-registry: log in, push, list, pull; wrong passwords and missing packages are reported") {
  NEEDS("docker-registry", "htpasswd", "openssl")
  Shop shop(payload(3 << 20));
  Registry registry(shop);
  std::string reference = registry.host + "/team/digits:1.2";

  auto stranger = shop.push(reference);
  REQUIRE(!stranger);
  CHECK(stranger.error().kind == Kind::denied);
  CHECK(stranger.error().what == "'" + registry.host + "' requires credentials");

  auto wrong = registry.login("wrong");
  REQUIRE(!wrong);
  CHECK(wrong.error().kind == Kind::denied);
  CHECK(wrong.error().what == "'" + registry.host + "' refuses the credentials of 'ci'");
  CHECK(wrong.error().hint == "check the user name and the password; nothing was stored");
  CHECK(!fs::exists(shop.scratch / ".docker/config.json"));

  auto login = registry.login("correct horse");
  REQUIRE_MESSAGE(login, message_of(login));
  CHECK(login->checked);

  auto none = shop.pull(reference);
  REQUIRE(!none);
  CHECK(none.error().what == "there is no '" + reference + "'");

  auto pushed = shop.push(reference);
  REQUIRE_MESSAGE(pushed, message_of(pushed));
  auto again = shop.push(registry.host + "/team/digits:stable");
  REQUIRE_MESSAGE(again, message_of(again));
  CHECK(again->sent == 0);

  auto pulled = shop.pull(reference);
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(bytes_of(shop.scratch / "pulled.tar") == bytes_of(shop.archive));
  auto folder = shop.pull_folder(pushed->reference);
  REQUIRE_MESSAGE(folder, message_of(folder));

  for (const std::string& what : {registry.host, registry.host + "/team/digits"}) {
    auto list = actions::list({what, shop.remote}, shop.host);
    REQUIRE_MESSAGE(list, message_of(list));
    REQUIRE(list->packages.size() == 2);
    CHECK(list->packages[0].reference == reference);
    CHECK(list->packages[0].digest == *pushed->digest);
  }

  REQUIRE(actions::logout({registry.host}, shop.host));
  CHECK(shop.pull(reference, "second.tar").error().kind == Kind::denied);
}

TEST_CASE("docker-registry: a model is run by its reference, and inspected without its weights") {
  NEEDS("docker-registry", "htpasswd", "openssl")
  modelctl::test::Scratch folder;
  fs::path artifact = write_sum(folder.path());
  Shop shop(payload_of(artifact));
  Registry registry(shop);
  REQUIRE(registry.login("correct horse"));
  actions::ModelSource model(registry.host + "/team/digits:1.2");
  REQUIRE(shop.push(model.text));
  model.remote = shop.remote;
  CHECK(message_of(actions::run({model, {"[1, 1]"}, {}, 1}, shop.host)).starts_with("usage no-key: "));
  model.trust.key = shop.key;
  auto report = actions::run({model, {"[1, 1]"}, {}, 1}, shop.host);
  REQUIRE_MESSAGE(report, message_of(report));
  CHECK(same(report->outputs.at(0).tensor, Tensor::of<float>(DType::f32, {2}, {2, 3})));

  // Nothing but the documents is there any longer, neither in the registry nor here.
  auto opened = artifact::open(artifact);
  REQUIRE(opened);
  std::string weights = Sha256::of(opened->weights).hex();
  fs::path blobs = shop.scratch / "storage/docker/registry/v2/blobs/sha256";
  REQUIRE(fs::remove(blobs / weights.substr(0, 2) / weights / "data"));
  fs::remove_all(shop.scratch / ".cache");
  CHECK(!actions::run({model, {"[1, 1]"}, {}, 1}, shop.host));
  auto inspected = actions::inspect({model}, shop.host);
  REQUIRE_MESSAGE(inspected, message_of(inspected));
  CHECK(inspected->metadata.at("signature") == "by " + shop.key.string());
  CHECK(inspected->weight_bytes == opened->weights.size());
  CHECK(inspected->signature.inputs.at(0).name == "image");
}

TEST_CASE("docker-registry: a package that was pulled by its digest needs no registry any longer") {
  NEEDS("docker-registry", "htpasswd", "openssl")
  modelctl::test::Scratch folder;
  Shop shop(payload_of(write_sum(folder.path())));
  actions::ModelSource tagged, pinned;
  tagged.trust.key = pinned.trust.key = shop.key;
  {
    Registry registry(shop);
    REQUIRE(registry.login("correct horse"));
    tagged.remote = pinned.remote = shop.remote;
    tagged.text = registry.host + "/team/digits:1.2";
    auto pushed = shop.push(tagged.text);
    REQUIRE_MESSAGE(pushed, message_of(pushed));
    pinned.text = pushed->reference;
    REQUIRE(actions::run({pinned, {"[1, 1]"}, {}, 1}, shop.host));
  }
  auto again = actions::run({pinned, {"[1, 1]"}, {}, 1}, shop.host);
  REQUIRE_MESSAGE(again, message_of(again));
  CHECK(same(again->outputs.at(0).tensor, Tensor::of<float>(DType::f32, {2}, {2, 3})));
  auto inspected = actions::inspect({pinned}, shop.host);
  CHECK_MESSAGE(inspected, message_of(inspected));
  // A tag may mean another package by now, and so may another digest.
  CHECK(!actions::run({tagged, {"[1, 1]"}, {}, 1}, shop.host));
  actions::ModelSource other = pinned;
  other.text.back() = other.text.back() == '0' ? '1' : '0';
  CHECK(!actions::run({other, {"[1, 1]"}, {}, 1}, shop.host));

  // What is in the cache is trusted as little as a registry: the key still decides,
  actions::ModelSource stranger = pinned;
  auto key = package::PrivateKey::generate(package::Algorithm::ed25519);
  REQUIRE(key);
  REQUIRE(write_file(shop.scratch / "other.pub", as_bytes(key->public_key().pem())));
  stranger.trust.key = shop.scratch / "other.pub";
  auto refused = actions::run({stranger, {"[1, 1]"}, {}, 1}, shop.host);
  REQUIRE(!refused);
  CHECK(refused.error().kind == Kind::untrusted);

  // and it is served as well.
  bool ready = false;
  actions::ServeRequest request{.models = {pinned.text}, .source = pinned};
  request.source.text.clear();
  request.settings = {.listen = "127.0.0.1:0", .drain = 0};
  request.events = [&](const serve::Event& event) {
    if (event.text.starts_with("ready")) ready = true, shop.fake.stop.stop();
  };
  auto served = actions::serve(request, shop.host);
  CHECK_MESSAGE(served, message_of(served));
  CHECK(ready);
}

TEST_CASE("docker-registry: a blob goes up in chunks, and the registry agrees on its digest") {
  NEEDS("docker-registry", "htpasswd", "openssl")
  Shop shop;
  Registry registry(shop);
  REQUIRE(registry.login("correct horse"));
  std::string content(5'500'000, 'x');
  Blob blob{"application/octet-stream", Sha256::of(as_bytes(content)), as_bytes(content), "weights"};
  Context context{.host = shop.host, .http = {.ca_file = registry.certificates.authority}, .chunk_size = 1 << 20};
  auto repository = Repository::open(*parse_name(registry.host + "/a:1"), Repository::Access::push, context);
  REQUIRE(repository);
  auto pushed = repository->push_blob(blob, [](std::uint64_t) {});
  REQUIRE_MESSAGE(pushed, message_of(pushed));
  CHECK(*pushed);
  CHECK(!*repository->push_blob(blob, [](std::uint64_t) {}));
  std::string back;
  REQUIRE(repository->blob(blob.digest, 5'000'000, content.size(), [&](ByteSpan bytes) -> Result<void> {
    back.append(as_text(bytes));
    return {};
  }));
  CHECK(back == content.substr(5'000'000));
}

TEST_CASE("skopeo reads what we pushed, and what it copies is still the package") {
  NEEDS("docker-registry", "htpasswd", "openssl", "skopeo")
  Shop shop(payload(1 << 20));
  Registry registry(shop);
  REQUIRE(registry.login("correct horse"));
  std::string reference = registry.host + "/team/digits:1.2";
  auto pushed = shop.push(reference);
  REQUIRE_MESSAGE(pushed, message_of(pushed));

  Ran raw = skopeo(registry, {"inspect", "--raw", "docker://" + reference});
  REQUIRE_MESSAGE(raw.exit_code == 0, raw.err);
  CHECK(Sha256::of(as_bytes(raw.out)) == *pushed->digest);
  auto manifest = parse_json(raw.out, "skopeo");
  REQUIRE(manifest);
  CHECK((*manifest)["artifactType"] == "application/vnd.modelctl.package.v1");

  Ran copied = skopeo(
      registry, {"--insecure-policy", "copy", "docker://" + reference, "dir:" + (shop.scratch / "copy").string()});
  REQUIRE_MESSAGE(copied.exit_code == 0, copied.err);
  for (const auto& layer : (*manifest)["layers"]) {
    Digest digest = *Digest::parse(layer["digest"].get<std::string>());
    CHECK(Sha256::of(as_bytes(bytes_of(shop.scratch / "copy" / digest.hex()))) == digest);
  }

  Ran mirrored = skopeo(registry, {"--insecure-policy", "copy", "docker://" + reference,
                                   "oci:" + (shop.scratch / "mirror").string() + ":digits:1.2"});
  REQUIRE_MESSAGE(mirrored.exit_code == 0, mirrored.err);
  auto pulled = shop.pull("oci:" + (shop.scratch / "mirror").string() + ":digits:1.2");
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(bytes_of(shop.scratch / "pulled.tar") == bytes_of(shop.archive));
}

TEST_CASE("skopeo copies from the local registry into docker-registry, and we pull it there") {
  NEEDS("docker-registry", "htpasswd", "openssl", "skopeo")
  Shop shop;
  Registry registry(shop);
  REQUIRE(registry.login("correct horse"));
  auto pushed = shop.push("team/digits:1.2");
  REQUIRE(pushed);
  std::string reference = registry.host + "/mirrored/digits:1.2";
  Ran copied =
      skopeo(registry, {"--insecure-policy", "copy", "oci:" + (shop.scratch / "registry").string() + ":team/digits:1.2",
                        "docker://" + reference});
  REQUIRE_MESSAGE(copied.exit_code == 0, copied.err);
  auto pulled = shop.pull(registry.host + "/mirrored/digits@" + pushed->digest->text());
  REQUIRE_MESSAGE(pulled, message_of(pulled));
  CHECK(bytes_of(shop.scratch / "pulled.tar") == bytes_of(shop.archive));
}

TEST_CASE("plain tar and sha256sum read a pulled archive") {
  NEEDS("tar", "sha256sum")
  Shop shop(payload(1 << 20));
  REQUIRE(shop.push("digits:1.2"));
  REQUIRE(shop.pull("digits:1.2"));
  REQUIRE(make_folder(shop.scratch / "plain"));
  REQUIRE(
      run({"tar", "-xf", (shop.scratch / "pulled.tar").string(), "-C", (shop.scratch / "plain").string()}).exit_code ==
      0);
  for (const package::Entry& entry : shop.written.manifest.entries) {
    Ran sum = run({"sha256sum", (shop.scratch / "plain" / entry.path).string()});
    CHECK(sum.out.substr(0, 64) == entry.digest.hex());
  }
}
