// The exposition format of Prometheus, version 0.0.4, and OpenMetrics 1.0, whose differences are two: counter families
// lose their suffix, and the text ends with a marker. Histogram buckets are stored separately and accumulated when they
// are printed, because the format wants each to include those below it.
#include "serve/metrics.hpp"

#include "tensor/utf8.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::serve {
namespace {

// name="value" pairs; backslash, quote and line end escaped as the format asks, and what is not UTF-8 replaced: one
// such name, of a package, would make all metrics unreadable.
std::string render(const MetricLabels& labels) {
  auto plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  std::string text;
  text.reserve(128);
  for (const auto& [name, value] : labels) {
    if (!text.empty()) text += ',';
    text.append(name).append("=\"");
    if (std::all_of(value.begin(), value.end(), plain)) {
      text += value;
    } else {
      for (char c : to_utf8(value)) {
        if (c == '\n') text += "\\n";
        else if (c == '"' || c == '\\') text += {'\\', c};
        else text += c;
      }
    }
    text += '"';
  }
  return text;
}

std::string braces(const std::string& labels) { return labels.empty() ? std::string() : '{' + labels + '}'; }

}  // namespace

void Metrics::declare(std::string_view name, std::string_view type, std::string_view help,
                      std::span<const double> bounds) {
  std::lock_guard lock(mutex_);
  Family& family = families_[std::string(name)];
  family.bounds = bounds;
  family.type = type;
  family.help = help;
}

// Under the lock.
Metrics::Family& Metrics::family(std::string_view name) {
  auto found = families_.find(name);
  return found != families_.end() ? found->second : families_[std::string(name)];
}

void Metrics::add(std::string_view name, const MetricLabels& labels, double by) {
  std::string key = render(labels);
  std::lock_guard lock(mutex_);
  family(name).values[std::move(key)] += by;
}

void Metrics::set(std::string_view name, const MetricLabels& labels, double value) {
  std::string key = render(labels);
  std::lock_guard lock(mutex_);
  family(name).values[std::move(key)] = value;
}

void Metrics::remove(std::string_view name, const MetricLabels& labels) {
  std::lock_guard lock(mutex_);
  if (auto family = families_.find(name); family != families_.end()) family->second.values.erase(render(labels));
}

void Metrics::observe(std::string_view name, const MetricLabels& labels, double value) {
  std::string key = render(labels);
  std::lock_guard lock(mutex_);
  Family& family = this->family(name);
  Histogram& histogram = family.histograms[std::move(key)];
  histogram.buckets.resize(family.bounds.size() + 1);
  // A value that equals a bound belongs to its bucket: `le` means less or equal.
  auto bucket = std::lower_bound(family.bounds.begin(), family.bounds.end(), value) - family.bounds.begin();
  ++histogram.buckets[static_cast<std::size_t>(bucket)];
  histogram.sum += value;
  ++histogram.count;
}

std::string Metrics::text(bool open_metrics) const {
  std::lock_guard lock(mutex_);
  std::string out;
  auto to = std::back_inserter(out);
  for (const auto& [name, family] : families_) {
    // OpenMetrics names a counter's family without the suffix of its samples.
    std::string title =
        open_metrics && family.type == "counter" && name.ends_with("_total") ? name.substr(0, name.size() - 6) : name;
    fmt::format_to(to, "# HELP {} {}\n# TYPE {} {}\n", title, family.help, title, family.type);
    for (const auto& [labels, value] : family.values) fmt::format_to(to, "{}{} {}\n", name, braces(labels), value);
    for (const auto& [labels, histogram] : family.histograms) {
      std::string comma = labels.empty() ? "" : labels + ",";
      std::uint64_t below = 0;
      for (std::size_t i = 0; i < histogram.buckets.size(); ++i) {
        below += histogram.buckets[i];
        std::string bound = i < family.bounds.size() ? fmt::format("{}", family.bounds[i]) : "+Inf";
        fmt::format_to(to, "{}_bucket{{{}le=\"{}\"}} {}\n", name, comma, bound, below);
      }
      fmt::format_to(to, "{}_sum{} {}\n{}_count{} {}\n", name, braces(labels), histogram.sum, name, braces(labels),
                     histogram.count);
    }
  }
  if (open_metrics) out += "# EOF\n";
  return out;
}

}  // namespace modelctl::serve
