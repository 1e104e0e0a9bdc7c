// Selection of versions: names, labels, rules, weights and shadows, and the registry that makes the routing table.
#include "serve/models/model_registry.hpp"

#include "serve/models.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

using namespace modelctl;
using namespace modelctl::serve;

namespace {

using Headers = std::map<std::string, std::string>;

class Asking final : public PredictionRequest {
 public:
  explicit Asking(Headers headers = {}, std::string client = "10.0.0.1")
      : PredictionRequest({"twice", "", ""}), headers_(std::move(headers)), client_(std::move(client)) {}
  Result<std::vector<Tensor>> decode(const LoadedModel&) override { return std::vector<Tensor>(); }
  void encode(const LoadedModel*, Result<std::vector<Tensor>>) noexcept override {}
  void send() noexcept override {}
  std::string_view header(const std::string& name) const override {
    auto found = headers_.find(name);
    return found == headers_.end() ? std::string_view() : found->second;
  }
  std::string_view client() const override { return client_; }

 private:
  const Headers headers_;
  const std::string client_;
};

struct Versions {
  test::Scratch scratch;
  Service service;

  explicit Versions(std::initializer_list<const char*> versions = {"1", "2", "10"}) {
    for (const char* version : versions) publish(version);
  }
  void publish(const char* version) {
    REQUIRE(service.registry.publish(test::twice_model(scratch, service, {"twice", version, "", "", {}})));
  }
  void set(std::string_view json) {
    auto rules = parse_rules(json);
    REQUIRE(rules);
    REQUIRE(service.registry.set_rules("twice", *rules));
  }
  std::string version(Asking& request) {
    auto selected = service.select(request.selector, &request);
    return selected ? (*selected)->info().version : selected.error().code;
  }
  std::string version(Asking&& request) { return version(request); }
};

}  // namespace

TEST_CASE("without rules the highest version is stable, as numbers compare") {
  Versions versions;
  CHECK(versions.version(Asking()) == "10");
  CHECK(later_version("1.10", "1.9"));
  CHECK(later_version("1.0", "1.0-beta"));
  CHECK_FALSE(later_version("1.0-beta", "1.0"));
  CHECK_FALSE(later_version("2", "2"));
}

TEST_CASE("a name selects its version, and what is not there is listed") {
  Versions versions;
  auto select = [&](ModelSelector selector) { return versions.service.select(selector); };
  CHECK((*select({"twice", "2", ""}))->info().version == "2");
  CHECK(select({"twice", "3", ""}).error().what ==
        "there is no version '3' of 'twice' here; there are '1', '10' and '2'");
  CHECK(select({"none", "", ""}).error().what == "there is no model 'none' here; there is 'twice'");
  CHECK(select({"twice", "", "canary"}).error().code == "no-such-label");
}

TEST_CASE("weights give each version its share, and a client stays on its version") {
  Versions versions;
  versions.set(R"({"labels": {"canary": "2"}, "weights": {"1": 75, "canary": 25}, "key": "header:X-User"})");
  std::map<std::string, int> count;
  for (int user = 0; user < 4000; ++user) {
    Headers headers{{"x-user", std::to_string(user)}};
    std::string first = versions.version(Asking(headers));
    CHECK(versions.version(Asking(headers, "10.0.0.2")) == first);
    ++count[first];
  }
  CHECK(count.size() == 2);
  CHECK(std::abs(count["2"] - 1000) < 120);  // four standard deviations
}

TEST_CASE("a weight that grows moves clients to its version alone") {
  Versions versions;
  auto assign = [&](std::string_view weights) {
    versions.set(R"({"key": "cookie:id", "weights": )" + std::string(weights) + "}");
    std::vector<std::string> all;
    for (int user = 0; user < 1000; ++user)
      all.push_back(versions.version(Asking({{"cookie", "a=b; id=" + std::to_string(user)}})));
    return all;
  };
  auto before = assign(R"({"1": 60, "2": 20, "10": 20})"), after = assign(R"({"1": 60, "2": 60, "10": 20})");
  int moved = 0;
  for (std::size_t user = 0; user < before.size(); ++user) {
    if (before[user] == after[user]) continue;
    ++moved;
    CHECK(after[user] == "2");
  }
  CHECK(moved > 100);
}

TEST_CASE("a client without the key counts by its address") {
  Versions versions;
  versions.set(R"({"weights": {"1": 1, "2": 1}, "key": "header:X-User"})");
  std::set<std::string> seen;
  for (int client = 0; client < 50; ++client) {
    std::string address = "10.0.0." + std::to_string(client);
    std::string first = versions.version(Asking({}, address));
    CHECK(versions.version(Asking({}, address)) == first);
    seen.insert(first);
  }
  CHECK(seen.size() == 2);
}

TEST_CASE("a version that is unloaded leaves its share to the others") {
  Versions versions;
  versions.set(R"({"weights": {"1": 1, "2": 1}})");
  REQUIRE(versions.service.registry.withdraw("twice", "2"));
  for (int i = 0; i < 50; ++i) CHECK(versions.version(Asking()) == "1");
}

TEST_CASE("the first rule that fits comes before the weights") {
  Versions versions;
  versions.set(R"({"weights": {"1": 1}, "rules": [{"header": "X-Beta", "value": "yes", "to": "2"},
                                                  {"header": "X-Beta", "to": "10"}]})");
  CHECK(versions.version(Asking(Headers{{"x-beta", "yes"}})) == "2");
  CHECK(versions.version(Asking(Headers{{"x-beta", "no"}})) == "10");
  CHECK(versions.version(Asking()) == "1");
}

TEST_CASE("a share of the requests has a shadow, which is never the version that answers") {
  Versions versions;
  versions.set(R"({"labels": {"stable": "1"}, "shadow": {"to": "2", "share": 0.25}})");
  int copies = 0;
  for (int i = 0; i < 4000; ++i) {
    Asking request;
    CHECK(versions.version(request) == "1");
    if (request.shadow == nullptr) continue;
    CHECK(request.shadow->info().version == "2");
    ++copies;
  }
  CHECK(std::abs(copies - 1000) < 120);
  versions.set(R"({"labels": {"stable": "2"}, "shadow": {"to": "2"}})");
  Asking request;
  CHECK(versions.version(request) == "2");
  CHECK(request.shadow == nullptr);
}

TEST_CASE("rules that name what is not ready, or that cannot be read, change nothing") {
  Versions versions;
  versions.set(R"({"labels": {"stable": "1"}})");
  auto rules = parse_rules(R"({"weights": {"3": 1}})");
  REQUIRE(rules);
  CHECK(versions.service.registry.set_rules("twice", *rules).error().what ==
        "cannot route to '3': there is no such version or label of 'twice' that is ready");
  for (const char* bad : {"", "[]", "{} x", R"({"weights": {"1": -1}})", R"({"weights": {"1": "a"}})",
                          R"({"rules": [{}]})", R"({"key": "moon"})", R"({"shadow": {"share": 1}})",
                          R"({"shadow": {"to": "1", "share": 2}})", R"({"label": {}})"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_rules(bad));
  }
  CHECK(versions.version(Asking()) == "1");
}

TEST_CASE("rules that are written read back") {
  auto rules = parse_rules(R"({"labels": {"stable": "1"}, "weights": {"stable": 90.5}, "key": "client",
                               "rules": [{"header": "A", "value": "b", "to": "2"}], "shadow": {"to": "2"}})");
  REQUIRE(rules);
  auto again = parse_rules(to_json(*rules));
  REQUIRE(again);
  CHECK(to_json(*again) == to_json(*rules));
}

TEST_CASE("a version that is unloaded is unavailable after its last request, and is freed") {
  Versions versions({"1", "2"});
  auto kept = *versions.service.select({"twice", "2", ""});
  std::weak_ptr<LoadedModel> version = kept;
  REQUIRE(versions.service.registry.withdraw("twice", "2"));
  auto state = [&] { return versions.service.registry.index().at(1).state; };
  CHECK(state() == VersionState::unloading);
  CHECK(versions.version(Asking()) == "1");
  kept = nullptr;
  CHECK(version.expired());
  CHECK(state() == VersionState::unavailable);
}

TEST_CASE("a load that fails is reported, and what was ready goes on") {
  Versions versions({"1"});
  versions.service.registry.begin_loading("twice");
  CHECK(versions.service.registry.index().at(0).state == VersionState::loading);
  versions.service.registry.fail_loading("twice", "the disk is gone");
  auto index = versions.service.registry.index();
  CHECK(index.at(0).state == VersionState::failed);
  CHECK(index.at(0).reason == "the disk is gone");
  CHECK(versions.version(Asking()) == "1");
  versions.publish("2");
  CHECK(versions.service.registry.index().size() == 2);
}

TEST_CASE("a model of which nothing is ready is unavailable with the reason, and not unknown") {
  Versions versions({"1"});
  REQUIRE(versions.service.registry.publish(
      test::twice_model(versions.scratch, versions.service, {"other", "1", "", "", {}})));
  REQUIRE(versions.service.registry.withdraw("twice"));
  auto selected = versions.service.select({"twice", "", ""});
  REQUIRE_FALSE(selected);
  CHECK(selected.error().kind == Kind::unavailable);
  CHECK(selected.error().why == std::vector<std::string>{"it was unloaded"});
}

TEST_CASE("a version with other inputs is refused, since a router would mix them") {
  Versions versions({"1"});
  test::PlanMaker maker;
  auto x = maker.input("other", DType::f32, {"batch", 2}), y = maker.like("y", x);
  maker.step("op:test:Twice", {x}, {y});
  maker.output("y", y);
  auto model = runtime::Model::load(maker.artifact().value(), test::rows, kernels::Cpu{});
  REQUIRE(model);
  auto published = versions.service.registry.publish(versions.service.prepare(*model, {"twice", "2", "", "", {}}));
  REQUIRE_FALSE(published);
  CHECK(published.error().code == "other-signature");
}

TEST_CASE("a package cannot name a metric of the server's own, or write into its help") {
  Versions versions({"1"});
  Service& service = versions.service;
  REQUIRE(service.registry.publish(test::twice_model(
      versions.scratch, service, {"modelctl", "1", "", "", {{"requests_total", 1}, {"a\n# HELP x", 2}}})));
  std::string text = service.metrics.text(false);
  CHECK(text.find("\nmodelctl_requests_total{model=\"modelctl\"") == std::string::npos);
  CHECK(text.find("\n_modelctl_requests_total{model=\"modelctl\",measure=\"requests_total\",version=\"1\"} 1\n") !=
        std::string::npos);
  CHECK(text.find("\n# HELP x") == std::string::npos);
}

TEST_CASE("measures whose names become one metric stay apart by their labels") {
  Versions versions({"1"});
  Service& service = versions.service;
  REQUIRE(service.registry.publish(
      test::twice_model(versions.scratch, service, {"m", "1", "", "", {{"a-b", 1}, {"a_b", 2}}})));
  std::string text = service.metrics.text(false);
  CHECK(text.find("\nm_a_b{model=\"m\",measure=\"a-b\",version=\"1\"} 1\n") != std::string::npos);
  CHECK(text.find("\nm_a_b{model=\"m\",measure=\"a_b\",version=\"1\"} 2\n") != std::string::npos);
}
