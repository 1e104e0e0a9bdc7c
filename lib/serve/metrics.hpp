// Counters, gauges and histograms in Prometheus' text format (exposition format 0.0.4) and OpenMetrics 1.0.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::serve {

// Label names and values in the order in which they are printed.
using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// Upper bounds in seconds: from half a millisecond, what a small model takes, to the 10 s after which clients give up.
inline constexpr std::array<double, 14> duration_buckets = {.0005, .001, .0025, .005, .01, .025, .05,
                                                            .1,    .25,  .5,    1,    2.5, 5,    10};

// Rows of a batch.
inline constexpr std::array<double, 11> batch_buckets = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};

// Families of samples by name, each sample by its rendered labels. The number of samples is bounded because labels come
// from tables (routes, protocols, statuses) and from the model, never from what a client sends.
class Metrics {
 public:
  void count(std::string_view name, const MetricLabels& labels) { add(name, labels, 1); }
  void add(std::string_view name, const MetricLabels& labels, double by);
  void set(std::string_view name, const MetricLabels& labels, double value);
  void remove(std::string_view name, const MetricLabels& labels);
  void observe(std::string_view name, const MetricLabels& labels, double value);
  // Help text, type and, of a histogram, the upper bounds of its buckets are declared once per family, before its first
  // sample. The bounds outlive the metrics.
  void declare(std::string_view name, std::string_view type, std::string_view help,
               std::span<const double> bounds = duration_buckets);

  // All families, sorted by name. `open_metrics` adds what that format asks for ("# EOF", counter families without
  // their _total).
  std::string text(bool open_metrics) const;

 private:
  struct Histogram {
    std::vector<std::uint64_t> buckets;
    double sum = 0;
    std::uint64_t count = 0;
  };
  struct Family {
    std::string type, help;
    std::span<const double> bounds = duration_buckets;
    std::map<std::string, double> values;  // by rendered labels
    std::map<std::string, Histogram> histograms;
  };
  Family& family(std::string_view name);

  mutable std::mutex mutex_;  // held for nanoseconds: a sample is a map look-up
  std::map<std::string, Family, std::less<>> families_;
};

}  // namespace modelctl::serve
