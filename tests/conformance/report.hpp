// The report of a run of the suite: tables by suite, by operator and opset, by reason; and the list of tests that must
// pass.
#pragma once

#include "conformance/judge.hpp"

#include <set>

namespace modelctl::conformance {

struct Row {
  const Test* test;
  Outcome outcome;
};

void print_suites(const std::vector<Row>& rows);
void print_operators(const std::vector<Row>& rows);
void print_reasons(const std::vector<Row>& rows);
void print_exceptions(const std::vector<Row>& rows);
std::string_view word(Verdict verdict);

// The names of tests that pass, which may only grow: one a line.
Result<std::set<std::string>> read_list(const std::filesystem::path& file);
Result<void> write_list(const std::filesystem::path& file, const std::set<std::string>& names);

}  // namespace modelctl::conformance
