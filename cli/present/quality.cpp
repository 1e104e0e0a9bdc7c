// A confusion matrix of hundreds of classes is a list in JSON, not a matrix: nearly all of its cells are 0.
#include "cli/present/quality.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace modelctl::cli {
namespace {

using actions::Quality;
using statistics::ClassScores;
using statistics::Estimate;

constexpr std::size_t most_classes = 20;

std::string number(double value) { return fmt::format("{:.4f}", value); }

// Counts, and metrics of any unit: digits that mean something, also for a MAE of 1e-7 or 1e7.
std::string metric_number(const Quality& quality, double value) {
  return quality.task == actions::Task::classification ? number(value) : fmt::format("{:.6g}", value);
}

std::string interval(const Quality& quality, const Estimate& estimate) {
  if (!estimate.interval) return "";
  return fmt::format("{} to {}", metric_number(quality, estimate.interval->low),
                     metric_number(quality, estimate.interval->high));
}

// Quotients without samples are 0; a dash shows that they are not measured.
std::string quotient(const Estimate& estimate, bool is_defined) { return is_defined ? number(estimate.value) : "-"; }

void print_classes(const Quality& quality, Printer& printer) {
  std::vector<ClassScores> classes = quality.scores.classes;
  if (classes.size() > most_classes) {
    std::stable_sort(classes.begin(), classes.end(),
                     [](const ClassScores& a, const ClassScores& b) { return a.f1.value < b.f1.value; });
    printer.line(
        fmt::format("\nthe {} classes of {} with the lowest F1; --output json has all", most_classes, classes.size()));
    classes.resize(most_classes);
  } else {
    printer.line("");
  }
  Table table{{"class", "precision", "recall", "F1", "95 % interval", "samples"}, {}};
  for (const ClassScores& one : classes) {
    table.rows.push_back({quality.classes[one.index], quotient(one.precision, one.precision_defined()),
                          quotient(one.recall, one.recall_defined()), number(one.f1.value), interval(quality, one.f1),
                          std::to_string(one.support)});
  }
  printer.table(table);
}

void print_confusion(const Quality& quality, Printer& printer) {
  printer.line("\nconfusion matrix: a row for each expected class, a column for each predicted one");
  Table table{{""}, {}};
  for (const ClassScores& column : quality.scores.classes) table.header.push_back(quality.classes[column.index]);
  for (const ClassScores& row : quality.scores.classes) {
    std::vector<std::string> cells{quality.classes[row.index]};
    for (const ClassScores& column : quality.scores.classes)
      cells.push_back(std::to_string(quality.confusion.count(row.index, column.index)));
    table.rows.push_back(std::move(cells));
  }
  printer.table(table);
}

Json json_of(const Estimate& estimate) {
  Json object = {{"value", estimate.value}};
  if (estimate.interval) {
    object["low"] = estimate.interval->low;
    object["high"] = estimate.interval->high;
  }
  return object;
}

}  // namespace

void print_quality(const Quality& quality, Printer& printer) {
  bool classes = quality.task == actions::Task::classification;
  printer.line(
      fmt::format("task: {} of '{}': {}", classes ? "classification" : "regression", quality.output, quality.rule));
  if (classes) {
    printer.line(fmt::format("accuracy: {}, {} of {} correct", number(quality.scores.accuracy.value),
                             quality.scores.right, quality.samples));
  } else {
    printer.line(fmt::format("samples: {}", quality.samples));
  }
  Table table{{"metric", "value", "95 % interval"}, {}};
  for (const actions::Metric& metric : quality.metrics) {
    bool is_defined = metric.name != "r2" || quality.r2_defined;
    table.rows.push_back({metric.name, is_defined ? metric_number(quality, metric.estimate.value) : "-",
                          is_defined ? interval(quality, metric.estimate) : "the target is constant"});
  }
  printer.line("");
  printer.table(table);
  if (!classes) return;
  print_classes(quality, printer);
  if (quality.scores.classes.size() <= most_classes) print_confusion(quality, printer);
}

void add_quality(const Quality& quality, Json& object) {
  object["samples"] = quality.samples;
  for (const actions::Metric& metric : quality.metrics) object["metrics"][metric.name] = json_of(metric.estimate);
  if (quality.task == actions::Task::regression) {
    object["task"] = "regression";
    object["metrics"]["r2"]["defined"] = quality.r2_defined;
    return;
  }
  object["task"] = "classification";
  object["accuracy"] = quality.scores.accuracy.value;
  object["right"] = quality.scores.right;
  object["classes"] = Json::array();
  for (const ClassScores& one : quality.scores.classes) {
    Json precision = json_of(one.precision), recall = json_of(one.recall);
    precision["defined"] = one.precision_defined();
    recall["defined"] = one.recall_defined();
    object["classes"].push_back({{"name", quality.classes[one.index]},
                                 {"samples", one.support},
                                 {"predicted", one.predicted},
                                 {"precision", precision},
                                 {"recall", recall},
                                 {"f1", json_of(one.f1)}});
  }
  object["confusion"] = Json::array();
  for (const auto& [cell, count] : quality.confusion.cells()) {
    object["confusion"].push_back(
        {{"expected", quality.classes[cell.first]}, {"predicted", quality.classes[cell.second]}, {"samples", count}});
  }
}

}  // namespace modelctl::cli
