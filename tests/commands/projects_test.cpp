// The example projects, as their READMEs say: every command line in them is run as it stands, in order. What `init`
// lists is tested, so that a new project is tested because it is there.
#include "base/json.hpp"
#include "serving.hpp"

#include <algorithm>
#include <map>
#include <regex>

using namespace modelctl;
using commands::shell;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> projects(const fs::path& folder) {
  auto listed = shell(folder, "modelctl init --list --output json");
  REQUIRE(listed.exit_code == 0);
  std::vector<std::string> names;
  const Json list = Json::parse(listed.out, nullptr, false);
  for (const Json& example : list["examples"]) names.push_back(example["name"]);
  return names;
}

// The indented lines of a README.
std::vector<std::string> command_lines(const std::string& readme) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < readme.size();) {
    std::size_t end = std::min(readme.find('\n', at), readme.size());
    if (readme.compare(at, 4, "    ") == 0) lines.push_back(readme.substr(at + 4, end - at - 4));
    at = end + 1;
  }
  return lines;
}

// Numbers and texts in their order, whether they are nested or not.
void flatten(const Json& value, std::vector<Json>& all) {
  if (!value.is_array()) return all.push_back(value);
  for (const Json& item : value) flatten(item, all);
}

std::vector<Json> flat(const Json& value) {
  std::vector<Json> all;
  flatten(value, all);
  return all;
}

// The outputs in a response of the Open Inference Protocol or of /predict, by name.
std::map<std::string, std::vector<Json>> outputs_of(const Json& answered) {
  std::map<std::string, std::vector<Json>> outputs;
  if (answered.contains("prediction")) {
    for (const auto& [name, data] : answered["prediction"].items()) outputs[name] = flat(data);
  } else if (answered.contains("outputs")) {
    for (const Json& output : answered["outputs"]) outputs[output["name"]] = flat(output["data"]);
  }
  return outputs;
}

// What a server answers a request is what `run` computes for it.
void check_answer(const std::string& answer, const std::string& computed) {
  const Json ran = Json::parse(computed, nullptr, false);
  auto outputs = outputs_of(Json::parse(answer, nullptr, false));
  REQUIRE(!outputs.empty());
  for (const auto& [name, data] : outputs) {
    CAPTURE(name);
    REQUIRE(ran.contains(name));
    CHECK(data == flat(ran[name]["data"]));
  }
}

}  // namespace

TEST_CASE("an example goes from its model to a prediction as its README shows, and is as good as that says") {
  const test::Scratch scratch;
  for (const std::string& name : projects(scratch.path())) {
    DOCTEST_SUBCASE(name.c_str()) {
      auto made = shell(scratch.path(), "modelctl init --example " + name);
      REQUIRE_MESSAGE(made.exit_code == 0, made.err);
      const fs::path folder = scratch / name;
      std::string serve;
      std::smatch curl;
      bool has_threshold = false, verified = false;
      const std::string readme = read_text_file(folder / "README.md").value();
      const auto lines = command_lines(readme);
      for (const std::string& line : lines) {
        CAPTURE(line);
        if (line.starts_with("modelctl serve ")) {
          serve = line.substr(line.find("serve ") + 6);
        } else if (std::regex_match(
                       line, curl,
                       std::regex("curl (?:-d|--data-binary) @(\\S+) http://127\\.0\\.0\\.1:8080(/\\S+)"))) {
          break;
        } else {
          auto ran = shell(folder, line);
          REQUIRE_MESSAGE(ran.exit_code == 0, (ran.out + ran.err));
        }
        verified = verified || line.starts_with("modelctl verify ");
        has_threshold =
            has_threshold || std::regex_search(line, std::regex("^modelctl evaluate .*--(min|max) \\w+=[0-9.]+"));
      }
      CHECK(has_threshold);
      CHECK(verified);
      REQUIRE(!serve.empty());
      REQUIRE(!curl.empty());
      commands::Serving serving(folder, std::regex_replace(serve, std::regex(" --listen \\S+"), " --drain 0"));
      REQUIRE_MESSAGE(serving.ready(), serving.log_text());
      auto answer = test::HttpClient(serving.at()).post(curl[2].str(), read_text_file(folder / curl[1].str()).value());
      REQUIRE_MESSAGE(answer.status == 200, answer.body);
      auto computed = shell(folder, "modelctl run --input " + curl[1].str() + " -o -");
      REQUIRE_MESSAGE(computed.exit_code == 0, computed.err);
      check_answer(answer.body, computed.out);
    }
  }
}

TEST_CASE("an example is small, because the program carries it") {
  const test::Scratch scratch;
  for (const std::string& name : projects(scratch.path())) {
    CAPTURE(name);
    REQUIRE(shell(scratch.path(), "modelctl init --example " + name).exit_code == 0);
    std::uintmax_t size = 0;
    for (const auto& entry : fs::recursive_directory_iterator(scratch / name)) {
      if (entry.is_regular_file()) size += entry.file_size();
    }
    CHECK(size <= 200 * 1024);
  }
}
