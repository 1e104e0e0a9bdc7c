// The text formats of Prometheus and OpenMetrics.
#include "serve/metrics.hpp"

#include <doctest/doctest.h>

using namespace modelctl::serve;

TEST_CASE("a counter counts by its labels") {
  Metrics metrics;
  metrics.declare("requests_total", "counter", "Requests.");
  metrics.add("requests_total", {{"code", "200"}}, 2);
  metrics.count("requests_total", {{"code", "500"}});
  CHECK(metrics.text(false) ==
        "# HELP requests_total Requests.\n# TYPE requests_total counter\n"
        "requests_total{code=\"200\"} 2\nrequests_total{code=\"500\"} 1\n");
}

TEST_CASE("a histogram's buckets are cumulative and end with all") {
  Metrics metrics;
  metrics.declare("seconds", "histogram", "Time.");
  metrics.observe("seconds", {}, 0.0004);
  metrics.observe("seconds", {}, 0.0005);  // a bound belongs to its bucket
  metrics.observe("seconds", {}, 100);
  std::string text = metrics.text(false);
  CHECK(text.find("seconds_bucket{le=\"0.0005\"} 2\n") != std::string::npos);
  CHECK(text.find("seconds_bucket{le=\"10\"} 2\n") != std::string::npos);
  CHECK(text.find("seconds_bucket{le=\"+Inf\"} 3\n") != std::string::npos);
  CHECK(text.find("seconds_count 3\n") != std::string::npos);
}

TEST_CASE("a label's value is escaped") {
  Metrics metrics;
  metrics.declare("info", "gauge", "Info.");
  metrics.set("info", {{"name", "a\"b\\c\nd"}}, 1);
  CHECK(metrics.text(false).find("info{name=\"a\\\"b\\\\c\\nd\"} 1\n") != std::string::npos);
}

TEST_CASE("a label's value that is not UTF-8 is replaced") {
  Metrics metrics;
  metrics.declare("info", "gauge", "Info.");
  metrics.set("info", {{"name", "a\xffz"}}, 1);
  CHECK(metrics.text(false).find("info{name=\"a\xef\xbf\xbdz\"} 1\n") != std::string::npos);
}

TEST_CASE("OpenMetrics names a counter's family without its suffix and ends with EOF") {
  Metrics metrics;
  metrics.declare("requests_total", "counter", "Requests.");
  metrics.count("requests_total", {});
  CHECK(metrics.text(true) == "# HELP requests Requests.\n# TYPE requests counter\nrequests_total 1\n# EOF\n");
}
