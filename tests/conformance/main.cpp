// Runs the official ONNX test suite, in the folder of MODELCTL_ONNX_TESTS.
#include "conformance/isolation.hpp"
#include "conformance/report.hpp"

#include "base/files.hpp"
#include "runtime/thread_pool.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <map>

namespace modelctl::conformance {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view usage =
    R"(test_conformance [OPTION]... [FILTER]...: runs the ONNX tests below the folder MODELCTL_ONNX_TESTS

A FILTER is a part of a test's name (node/test_conv_with_strides), or all of it with '*'. Without one, all run; with
one, the result of each test is printed. Each that is on the checked-in list must pass.

  --level N        build at -ON instead of both -O2 and -O0
  --operators      print the table by operator and opset
  --reasons        print what does not pass, by reason
  --list           name the tests and run none
  --slowest N      name the tests that took longest
  --processes N    at a time; as many as there are CPUs
  --seconds N      that one test may take; 180
  --accept         add what passes to the list, as MODELCTL_ACCEPT=1 does
)";

struct Options {
  std::vector<int> levels = {2, 0};
  bool operators = false, reasons = false, list = false, accept = false;
  int slowest = 0, processes = runtime::ThreadPool::default_threads(), seconds = 180;
  std::vector<std::string> filters;
};

Result<Options> parse(int count, char** words) {
  Options options;
  options.accept = std::getenv("MODELCTL_ACCEPT") != nullptr;
  for (int i = 1; i < count; ++i) {
    std::string word = words[i];
    auto number = [&]() -> Result<int> {
      std::string_view text = ++i < count ? words[i] : "";
      int value = -1;
      auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (code == std::errc() && end == text.data() + text.size() && value >= 0) return value;
      return Error(Kind::usage, "no-number", fmt::format("{} takes a number", word));
    };
    if (word == "--operators") options.operators = true;
    else if (word == "--reasons") options.reasons = true;
    else if (word == "--list") options.list = true;
    else if (word == "--accept") options.accept = true;
    else if (word == "--level") options.levels = {TRY(number())};
    else if (word == "--slowest") options.slowest = TRY(number());
    else if (word == "--processes") options.processes = std::max(1, TRY(number()));
    else if (word == "--seconds") options.seconds = TRY(number());
    else if (word.starts_with("-")) return Error(Kind::usage, "bad-option", fmt::format("no option '{}'", word));
    else options.filters.push_back(word);
  }
  return options;
}

bool is_chosen(const std::string& name, const std::vector<std::string>& filters) {
  return filters.empty() ||
         std::any_of(filters.begin(), filters.end(), [&](const std::string& filter) { return matches(filter, name); });
}

Result<std::vector<Row>> run(const std::vector<Test>& tests, const Options& options) {
  // A file system in memory if there is one: an artifact is written and synced for each test.
  fs::path place = fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path();
  TemporaryFolder scratch = TRY(TemporaryFolder::create(place));
  std::vector<Row> rows(tests.size());
  run_isolated(
      tests.size(), options.processes, static_cast<unsigned>(options.seconds),
      [&](std::size_t index) { return to_text(judge(tests[index], options.levels, scratch.path())); },
      [&](std::size_t index, const Answer& answer) {
        rows[index] = {&tests[index], answer.whole ? from_text(answer.text) : Outcome{Verdict::failed, answer.text}};
      });
  return rows;
}

void print_each(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const Outcome& outcome = row.outcome;
    fmt::print("{} {}{}{}\n", word(outcome.verdict), row.test->name, outcome.reason.empty() ? "" : ": ",
               outcome.reason);
  }
}

void print_slowest(std::vector<Row> rows, std::size_t count) {
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.outcome.seconds > b.outcome.seconds; });
  for (std::size_t i = 0; i < std::min(count, rows.size()); ++i) {
    fmt::print("{:8.2f} s  {}\n", rows[i].outcome.seconds, rows[i].test->name);
  }
}

// Compares what passed with the list; answers whether all that is listed did.
Result<bool> check_list(const std::vector<Row>& rows, const Options& options) {
  std::set<std::string> listed = TRY(read_list(MODELCTL_CONFORMANCE_LIST));
  std::map<std::string, const Row*> by_name;
  for (const Row& row : rows) by_name[row.test->name] = &row;
  std::size_t elsewhere = 0;
  bool good = true;
  for (const std::string& name : listed) {
    auto found = by_name.find(name);
    if (found == by_name.end()) {
      if (is_chosen(name, options.filters)) ++elsewhere;
    } else if (const Outcome& outcome = found->second->outcome; outcome.verdict != Verdict::passed) {
      if (std::exchange(good, false)) fmt::print("\non the list of what passes, and does not:\n");
      fmt::print("  {} {}: {}\n", word(outcome.verdict), name, outcome.reason);
    }
  }
  std::set<std::string> fresh;
  for (const Row& row : rows) {
    if (row.outcome.verdict == Verdict::passed && listed.count(row.test->name) == 0) fresh.insert(row.test->name);
  }
  if (elsewhere > 0) fmt::print("\n{} tests of the list are not in this folder\n", elsewhere);
  if (fresh.empty()) return good;
  fmt::print("\n{} tests pass and are not on the list of what must{}\n", fresh.size(),
             options.accept ? ": they are now" : "; './dev accept' adds them");
  if (options.accept) {
    listed.merge(fresh);
    TRY(write_list(MODELCTL_CONFORMANCE_LIST, listed));
  }
  return good;
}

Result<bool> go(const Options& options, const char* folder) {
  std::vector<Test> tests = TRY(find_tests(folder));
  std::erase_if(tests, [&](const Test& test) { return !is_chosen(test.name, options.filters); });
  if (options.list) {
    for (const Test& test : tests) fmt::print("{}\n", test.name);
    return true;
  }
  std::vector<Row> rows = TRY(run(tests, options));
  if (options.reasons) print_reasons(rows);
  else if (!options.filters.empty()) print_each(rows);
  if (options.operators) print_operators(rows);
  print_exceptions(rows);
  print_slowest(rows, static_cast<std::size_t>(options.slowest));
  print_suites(rows);
  return check_list(rows, options);
}

}  // namespace
}  // namespace modelctl::conformance

int main(int count, char** words) {
  using namespace modelctl;
  if (count > 1 && (std::string_view(words[1]) == "--help" || std::string_view(words[1]) == "-h")) {
    fmt::print("{}", conformance::usage);
    return 0;
  }
  const char* folder = std::getenv("MODELCTL_ONNX_TESTS");
#ifdef MODELCTL_CONFORMANCE_TESTS
  if (folder == nullptr && std::filesystem::is_directory(MODELCTL_CONFORMANCE_TESTS))
    folder = MODELCTL_CONFORMANCE_TESTS;
#endif
  if (folder == nullptr || !std::filesystem::is_directory(folder)) {
    fmt::print("skipped: MODELCTL_ONNX_TESTS names no folder of ONNX's tests\n");
    return 0;
  }
  auto options = conformance::parse(count, words);
  auto good = options ? conformance::go(*options, folder) : Result<bool>(options.error());
  if (good) return *good ? 0 : 1;
  fmt::print(stderr, "{}\n", good.error().what);
  return info(good.error().kind).exit_code;
}
