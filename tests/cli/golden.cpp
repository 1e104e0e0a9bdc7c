// golden MODELCTL FILE.test: runs the commands of a golden test and compares their output, or, with MODELCTL_ACCEPT=1
// in the environment, writes it into the file. The file has the form of a terminal transcript:
//
//     A sentence of intent. Prose, and lines such as
//     unstable digests
//     needs command -v zsh                                       skipped if the command fails
//
//     $ modelctl frobnicate
//     ! error[unknown-command]: cannot run 'modelctl frobnicate'      what went to stderr
//     | ...                                                      what went to stdout
//     exit 64                                                    if it is not 0
//
// All commands run by /bin/sh in one scratch folder of the test's own, with a fixed environment; $ROOT is the source
// tree.
#include "base/files.hpp"
#include "base/system_host.hpp"
#include "support/scratch.hpp"

#include <fmt/core.h>

#include <unistd.h>
#include <cstdlib>
#include <regex>
#include <sstream>

namespace fs = std::filesystem;
using namespace modelctl;

namespace {

struct Rule {
  std::regex pattern;
  const char* replacement;
};

// What may differ from run to run. Order matters: a path is replaced before the numbers in it.
std::string normalized(std::string text, const std::string& scratch, bool unstable_digests) {
  for (std::size_t at; (at = text.find(scratch)) != std::string::npos;) text.replace(at, scratch.size(), "$SCRATCH");
  static const Rule rules[] = {
      {std::regex(R"(modelctl [0-9]+\.[0-9]+\.[0-9]+)"), "modelctl $$VERSION"},
      {std::regex(R"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)"), "$$DATE"},
      {std::regex(R"(\b[0-9]+ min [0-9]+ s\b|\b[0-9]+(\.[0-9]+)? (ns|us|µs|ms|s)\b)"), "$$TIME"},
      {std::regex(R"(\b[0-9]+(\.[0-9]+)? (GFLOP/s|MB/s|GB/s|MiB/s|runs/s|/s))"), "$$SPEED"},
      {std::regex(R"((127\.0\.0\.1|0\.0\.0\.0|localhost|\[::1?\]):[0-9]+)"), "$1:$$PORT"},
  };
  for (const Rule& rule : rules) text = std::regex_replace(text, rule.pattern, rule.replacement);
  static const std::regex digest("[0-9a-f]{64}");
  if (unstable_digests) text = std::regex_replace(text, digest, "$$DIGEST");
  return text;
}

std::string prefixed(char mark, const std::string& text) {
  std::string result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    result += line.empty() ? fmt::format("{}\n", mark) : fmt::format("{} {}\n", mark, line);
  return result;
}

// The environment is the same for everyone, whoever runs the tests and wherever.
void fix_environment(const fs::path& modelctl, const fs::path& root, const fs::path& scratch) {
  std::string path = modelctl.parent_path().string() + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
  ::clearenv();
  ::setenv("PATH", path.c_str(), 1);
  ::setenv("ROOT", root.c_str(), 1);
  ::setenv("HOME", (scratch / "home").c_str(), 1);
  ::setenv("LC_ALL", "C.UTF-8", 1);
  ::setenv("TZ", "UTC", 1);
  ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
  ::setenv("MODELCTL_PASSWORD", "correct horse", 1);
}

struct Outcome {
  std::string text;     // the file with what the commands really said
  std::string skipped;  // why nothing was run
};

Result<Outcome> replay(const std::string& test, const fs::path& scratch) {
  StopToken stop;
  SystemProcesses processes(stop);
  Outcome outcome;
  bool unstable_digests = false, in_command = false;
  std::istringstream lines(test);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("$ ", 0) == 0) {
      std::string shell[] = {"/bin/sh", "-c", line.substr(2)};
      ProcessResult result = TRY(processes.run(shell, {.passes_own_variables = true}));
      outcome.text += line + "\n";
      outcome.text += prefixed('|', normalized(result.out, scratch.string(), unstable_digests));
      outcome.text += prefixed('!', normalized(result.err, scratch.string(), unstable_digests));
      if (result.exit_code != 0) outcome.text += fmt::format("exit {}\n", result.exit_code);
      in_command = true;
      continue;
    }
    bool expected = !line.empty() && (line[0] == '|' || line[0] == '!' || line.rfind("exit ", 0) == 0);
    if (in_command && expected) continue;
    in_command = false;
    if (line == "unstable digests") unstable_digests = true;
    if (line.rfind("needs ", 0) == 0) {
      std::string shell[] = {"/bin/sh", "-c", line.substr(6)};
      if (TRY(processes.run(shell, {.passes_own_variables = true})).exit_code != 0)
        outcome.skipped = fmt::format("'{}' fails", line.substr(6));
      if (!outcome.skipped.empty()) return outcome;
    }
    outcome.text += line + "\n";
  }
  return outcome;
}

Result<int> run(const fs::path& modelctl, const fs::path& file) {
  std::string expected = TRY(read_text_file(file));
  if (!fs::exists(modelctl)) return Error(Kind::not_found, "no-such-file", "cannot find '" + modelctl.string() + "'");
  bool accept = std::getenv("MODELCTL_ACCEPT") != nullptr;
  test::Scratch scratch;
  TRY(make_folder(scratch / "home"));
  fs::current_path(scratch.path());
  fix_environment(modelctl, file.parent_path().parent_path().parent_path(), scratch.path());
  Outcome outcome = TRY(replay(expected, scratch.path()));
  if (!outcome.skipped.empty()) {
    fmt::print("skipped: {}\n", outcome.skipped);
    return 0;
  }
  if (outcome.text == expected) return 0;
  if (accept) {
    fmt::print("accepted: {}\n", file.string());
    TRY(write_file(file, as_bytes(outcome.text)));
    return 0;
  }
  TRY(write_file(scratch / "really", as_bytes(outcome.text)));
  fmt::print("{} does not say what the commands said; MODELCTL_ACCEPT=1 (./dev accept) would write it:\n",
             file.string());
  std::fflush(stdout);
  return std::system(fmt::format("diff -u '{}' '{}'", file.string(), (scratch / "really").string()).c_str()) != 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 64;
  Result<int> code = run(fs::absolute(argv[1]), fs::absolute(argv[2]));
  if (code) return *code;
  fmt::print(stderr, "{}: {}\n", argv[2], code.error().what);
  return 70;
}
