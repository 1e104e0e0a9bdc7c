// Tables of the results, and the list of tests that must pass, which may only grow.
#include "conformance/report.hpp"

#include "base/files.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace modelctl::conformance {
namespace {

struct Counts {
  std::size_t of[3] = {0, 0, 0};

  std::size_t all() const { return of[0] + of[1] + of[2]; }
  std::size_t operator[](Verdict verdict) const { return of[static_cast<int>(verdict)]; }
  void add(Verdict verdict) { ++of[static_cast<int>(verdict)]; }
};

void print_counts(std::string_view title, const Counts& counts) {
  fmt::print("{:20}{:8}{:8}{:8}{:8}\n", title, counts.all(), counts[Verdict::passed], counts[Verdict::failed],
             counts[Verdict::refused]);
}

}  // namespace

std::string_view word(Verdict verdict) {
  static constexpr std::string_view words[] = {"passed", "FAILED", "refused"};
  return words[static_cast<int>(verdict)];
}

void print_suites(const std::vector<Row>& rows) {
  std::map<std::string, Counts> suites;
  Counts all;
  for (const Row& row : rows) {
    suites[row.test->suite()].add(row.outcome.verdict);
    all.add(row.outcome.verdict);
  }
  fmt::print("\n{:20}{:>8}{:>8}{:>8}{:>8}\n", "suite", "tests", "passed", "failed", "refused");
  for (const auto& [suite, counts] : suites) print_counts(suite, counts);
  print_counts("all", all);
}

void print_operators(const std::vector<Row>& rows) {
  std::map<std::string, std::map<int, Counts>> operators;
  for (const Row& row : rows) {
    for (const std::string& name : row.outcome.operators) operators[name][row.outcome.opset].add(row.outcome.verdict);
    if (row.outcome.operators.empty()) operators["(unreadable)"][row.outcome.opset].add(row.outcome.verdict);
  }
  fmt::print("\ntests that use an operator, passed of all, by opset of the default domain\n");
  for (const auto& [name, opsets] : operators) {
    std::size_t passed = 0, all = 0;
    std::string each;
    for (const auto& [opset, counts] : opsets) {
      passed += counts[Verdict::passed];
      all += counts.all();
      each += fmt::format("  {}: {}/{}", opset, counts[Verdict::passed], counts.all());
    }
    fmt::print("{} {:36}{:>9} {}\n", passed == all ? ' ' : '!', name, fmt::format("{}/{}", passed, all), each);
  }
}

void print_reasons(const std::vector<Row>& rows) {
  std::map<std::pair<Verdict, std::string>, std::vector<std::string>> reasons;
  for (const Row& row : rows) {
    if (row.outcome.verdict == Verdict::passed) continue;
    reasons[{row.outcome.verdict, row.outcome.reason}].push_back(row.test->name);
  }
  for (const auto& [reason, names] : reasons) {
    fmt::print("\n{} ({}): {}\n", word(reason.first), names.size(), reason.second);
    for (const std::string& name : names) fmt::print("    {}\n", name);
  }
}

namespace {
void print_which(const std::vector<Row>& rows, const char* (*why)(const std::string&), std::string_view title) {
  bool any = false;
  for (const Row& row : rows) {
    const char* reason = why(row.test->name);
    if (reason == nullptr) continue;
    if (!std::exchange(any, true)) fmt::print("\n{}:\n", title);
    fmt::print("  {}: {}\n", row.test->name, reason);
  }
}
}  // namespace

void print_exceptions(const std::vector<Row>& rows) {
  print_which(rows, why_shapes_only, "compared by element type and shape only");
  print_which(rows, why_looser, "compared less strictly");
}

Result<std::set<std::string>> read_list(const std::filesystem::path& file) {
  std::istringstream text(TRY(read_text_file(file)));
  std::set<std::string> names;
  for (std::string line; std::getline(text, line);) {
    if (!line.empty()) names.insert(line);
  }
  return names;
}

Result<void> write_list(const std::filesystem::path& file, const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += name + "\n";
  return write_file(file, as_bytes(text));
}

}  // namespace modelctl::conformance
