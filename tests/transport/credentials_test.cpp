// Where credentials are looked up, stored and removed.
#include "transport/credentials.hpp"

#include "base/digest.hpp"
#include "support/hosts.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

using namespace modelctl;
using namespace modelctl::transport;

namespace {
struct Desk {
  test::Scratch scratch;
  test::FakeEnvironment environment;
  test::FakeProcesses processes;

  Desk() { environment.variables["HOME"] = scratch.path().string(); }
  void write(const char* path, const std::string& text) {
    REQUIRE(make_folder((scratch / path).parent_path()));
    REQUIRE(write_file(scratch / path, as_bytes(text)));
  }
  std::string docker() { return read_text_file(scratch / ".docker/config.json").value(); }
  auto find(const std::string& registry, const std::string& repository = "team/digits") {
    return find_credentials(registry, repository, environment, processes);
  }
};
std::string auth(const std::string& pair) { return to_base64(as_bytes(pair)); }
}  // namespace

TEST_CASE("without a file there are no credentials") { CHECK(!Desk().find("registry.example")->has_value()); }

TEST_CASE("docker's file gives user and password, the longest key first") {
  Desk desk;
  desk.write(".docker/config.json", R"({"auths":{"r.example":{"auth":")" + auth("all:1") + R"("},)" +
                                        R"("r.example/team":{"auth":")" + auth("team:a:b") + R"("}}})");
  auto found = desk.find("r.example");
  REQUIRE(found);
  CHECK((*found)->username == "team");
  CHECK((*found)->password == "a:b");
  CHECK(desk.find("r.example", "other/x")->value().username == "all");
  CHECK(!desk.find("elsewhere.example")->has_value());
}

TEST_CASE("what is not a regular file is refused, and no command waits for who writes to a FIFO") {
  Desk desk;
  REQUIRE(make_folder(desk.scratch / ".docker"));
  REQUIRE(::mkfifo((desk.scratch / ".docker/config.json").c_str(), 0600) == 0);
  auto found = desk.find("r.example");
  REQUIRE(!found);
  CHECK(found.error().code == "not-a-regular-file");
  CHECK(!store_credentials("r.example", {"user", "password"}, desk.environment, desk.processes));
  CHECK(!erase_credentials("r.example", desk.environment, desk.processes));
  CHECK(known_registries(desk.environment).empty());
}

TEST_CASE("podman's file takes precedence over docker's, and REGISTRY_AUTH_FILE over both") {
  Desk desk;
  desk.write(".docker/config.json", R"({"auths":{"r.example":{"auth":")" + auth("docker:1") + R"("}}})");
  desk.write(".config/containers/auth.json", R"({"auths":{"r.example":{"auth":")" + auth("podman:1") + R"("}}})");
  CHECK(desk.find("r.example")->value().username == "podman");
  desk.write("mine.json", R"({"auths":{"r.example":{"auth":")" + auth("mine:1") + R"("}}})");
  desk.environment.variables["REGISTRY_AUTH_FILE"] = (desk.scratch / "mine.json").string();
  CHECK(desk.find("r.example")->value().username == "mine");
}

TEST_CASE("Docker Hub is looked up under its old name") {
  Desk desk;
  desk.write(".docker/config.json", R"({"auths":{"https://index.docker.io/v1/":{"auth":")" + auth("hub:1") + R"("}}})");
  CHECK(desk.find("registry-1.docker.io")->value().username == "hub");
}

TEST_CASE("a credential helper takes precedence over the file") {
  Desk desk;
  desk.write(".docker/config.json",
             R"({"credHelpers":{"r.example":"pass"},"auths":{"r.example":{"auth":")" + auth("file:1") + R"("}}})");
  desk.processes.answer = [](auto, auto) {
    return ProcessResult{0, R"({"ServerURL":"r.example","Username":"helped","Secret":"s"})", ""};
  };
  auto found = desk.find("r.example");
  REQUIRE(found);
  CHECK((*found)->username == "helped");
  REQUIRE(desk.processes.calls.size() == 1);
  CHECK(desk.processes.calls[0].first == std::vector<std::string>{"docker-credential-pass", "get"});
  CHECK(desk.processes.calls[0].second == "r.example");
}

TEST_CASE("a helper's <token> is an identity token") {
  Desk desk;
  desk.write(".docker/config.json", R"({"credsStore":"vault"})");
  desk.processes.answer = [](auto, auto) { return ProcessResult{0, R"({"Username":"<token>","Secret":"idt"})", ""}; };
  CHECK(desk.find("r.example")->value().identity_token == "idt");
}

TEST_CASE("a helper without credentials is not an error; the error of a failing one contains its output") {
  Desk desk;
  desk.write(".docker/config.json", R"({"credsStore":"vault"})");
  desk.processes.answer = [](auto, auto) { return ProcessResult{1, "credentials not found in native keychain\n", ""}; };
  CHECK(!desk.find("r.example")->has_value());
  desk.processes.answer = [](auto, auto) { return ProcessResult{1, "", "the vault is sealed\n"}; };
  auto failed = desk.find("r.example");
  REQUIRE(!failed);
  CHECK(failed.error().kind == Kind::bad_config);
  CHECK(failed.error().what == "cannot get the credentials of 'r.example' from docker-credential-vault");
  CHECK(failed.error().why.front() == "the vault is sealed");
}

TEST_CASE("a helper's name cannot lead to another folder") {
  Desk desk;
  desk.write(".docker/config.json", R"({"credsStore":"../evil"})");
  CHECK(desk.find("r.example").error().what == "cannot run the credential helper '../evil'");
  CHECK(desk.processes.calls.empty());
}

TEST_CASE("credentials are found however the registry's key is spelled") {
  for (const char* key : {"r.example", "https://r.example", "http://r.example", "https://r.example/", "R.Example",
                          "https://r.example/v1/", "https://r.example/v2/", "http://r.example/v2", "r.example/v2/"}) {
    Desk desk;
    desk.write(".docker/config.json",
               std::string(R"({"auths":{")") + key + R"(":{"auth":")" + auth("me:1") + R"("}}})");
    auto found = desk.find("r.example");
    REQUIRE(found);
    REQUIRE_MESSAGE(found->has_value(), key);
    CHECK((*found)->username == "me");
    CHECK(!desk.find("other.example")->has_value());
    CHECK(erase_credentials("r.example", desk.environment, desk.processes)->size() == 1);
    CHECK(!desk.find("r.example")->has_value());
  }
}

TEST_CASE("the exact spelling goes before others, and a helper of another spelling is found") {
  Desk desk;
  desk.write(".docker/config.json", R"({"auths":{"http://r.example":{"auth":")" + auth("other:1") +
                                        R"("},"r.example":{"auth":")" + auth("exact:1") + R"("}}})");
  CHECK(desk.find("r.example")->value().username == "exact");
  desk.write(".docker/config.json", R"({"credHelpers":{"https://r.example/v2/":"pass"}})");
  desk.processes.answer = [](auto, auto) { return ProcessResult{0, R"({"Username":"helped","Secret":"s"})", ""}; };
  CHECK(desk.find("r.example")->value().username == "helped");
}

TEST_CASE("line breaks and spaces in 'auth' are not part of it") {
  Desk desk;
  std::string packed = auth("me:a long enough password");
  desk.write(".docker/config.json",
             R"({"auths":{"r.example":{"auth":")" + packed.substr(0, 10) + "\\n" + packed.substr(10) + "\\r\\n \"}}}");
  CHECK(desk.find("r.example")->value().password == "a long enough password");
}

TEST_CASE("a helper that keeps the registry under another spelling is asked for its list") {
  Desk desk;
  desk.write(".docker/config.json", R"({"credsStore":"vault"})");
  desk.processes.answer = [](std::span<const std::string> command, std::string_view input) {
    if (command[1] == "list") return ProcessResult{0, R"({"https://x/":"a","https://r.example/v2/":"me"})", ""};
    if (command[1] == "get" && input == "https://r.example/v2/") {
      return ProcessResult{0, R"({"Username":"me","Secret":"s"})", ""};
    }
    return command[1] == "erase" ? ProcessResult{0, "", ""} : ProcessResult{1, "credentials not found\n", ""};
  };
  CHECK(desk.find("r.example")->value().username == "me");
  CHECK(erase_credentials("r.example", desk.environment, desk.processes)->size() == 1);
  CHECK(desk.processes.calls.back().second == "https://r.example/v2/");
}

TEST_CASE("a helper gets a time limit and none of our variables") {
  Desk desk;
  desk.write(".docker/config.json", R"({"credsStore":"vault"})");
  desk.processes.answer = [](auto, auto) { return ProcessResult{1, "credentials not found\n", ""}; };
  CHECK(!desk.find("r.example")->has_value());
  CHECK(desk.processes.options.size() == 2);  // get and list
  for (const ProcessOptions& options : desk.processes.options) {
    CHECK(options.time_limit.has_value());
    CHECK(!options.passes_own_variables);
  }
}

TEST_CASE("a password that a helper cannot take is refused, not thrown over") {
  Desk desk;
  desk.write(".docker/config.json", R"({"credsStore":"vault"})");
  auto refused = store_credentials("r.example", {"me", "\xff\xfe", "", ""}, desk.environment, desk.processes);
  REQUIRE(!refused);
  CHECK(refused.error().code == "bad-password");
}

TEST_CASE("a damaged file is named, its content is not shown") {
  Desk desk;
  desk.write(".docker/config.json", "{\"auths\": \"secret");
  auto failed = desk.find("r.example");
  REQUIRE(!failed);
  CHECK(failed.error().code == "bad-credentials-file");
  CHECK(failed.error().what ==
        "cannot read the credentials in '" + (desk.scratch / ".docker/config.json").string() + "'");
  for (const std::string& reason : failed.error().why) CHECK(reason.find("secret") == std::string::npos);
  desk.write(".docker/config.json", R"({"auths":{"r.example":{"auth":"!!!"}}})");
  CHECK(desk.find("r.example").error().why.front() == "'auth' is not base64 of user:password");
}

TEST_CASE("login keeps what else is in the file, and only the owner can read it") {
  Desk desk;
  desk.write(".docker/config.json", R"({"psFormat":"x","auths":{"other.example":{"auth":"b3RoZXI6MQ=="}}})");
  auto kept = store_credentials("r.example", {"ci", "pa:ss", "", ""}, desk.environment, desk.processes);
  REQUIRE(kept);
  CHECK(*kept == (desk.scratch / ".docker/config.json").string());
  CHECK(desk.docker().find("psFormat") != std::string::npos);
  CHECK(desk.find("other.example")->value().username == "other");
  CHECK(desk.find("r.example")->value().password == "pa:ss");
  struct stat status {};
  REQUIRE(::stat((desk.scratch / ".docker/config.json").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("if a helper is configured no secret is written") {
  Desk desk;
  desk.write(".docker/config.json", R"({"credsStore":"pass"})");
  desk.processes.answer = [](auto, auto) { return ProcessResult{0, "", ""}; };
  auto kept = store_credentials("r.example", {"ci", "secret", "", ""}, desk.environment, desk.processes);
  REQUIRE(kept);
  CHECK(*kept == "docker-credential-pass");
  CHECK(desk.processes.calls[0].second == R"({"Secret":"secret","ServerURL":"r.example","Username":"ci"})");
  CHECK(desk.docker() == R"({"credsStore":"pass"})");
}

TEST_CASE("logout removes the credentials everywhere and reports where") {
  Desk desk;
  std::string entry = R"({"auths":{"r.example":{"auth":"YTox"},"o.example":{"auth":"YTox"}}})";
  desk.write(".docker/config.json", entry);
  desk.write(".config/containers/auth.json", entry);
  auto places = erase_credentials("r.example", desk.environment, desk.processes);
  REQUIRE(places);
  CHECK(places->size() == 2);
  CHECK(!desk.find("r.example")->has_value());
  CHECK(desk.find("o.example")->has_value());
  CHECK(erase_credentials("r.example", desk.environment, desk.processes)->empty());
}

TEST_CASE("the registries that somebody logged in to are known by name, without a helper being asked") {
  Desk desk;
  desk.write(".docker/config.json", R"({"auths":{"b.example":{}},"credHelpers":{"a.example":"pass"}})");
  desk.write(".config/containers/auth.json", "not JSON");
  CHECK(known_registries(desk.environment) == std::vector<std::string>{"a.example", "b.example"});
  CHECK(desk.processes.calls.empty());
}
