// The graph's text form: what parses must verify, and printing and parsing it must give the same.
#include "base/check.hpp"
#include "graph/text.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelctl::graph;
  const TextOptions options{.max_elements = 64, .max_parsed_bytes = 1 << 16};
  auto graph = parse_text({reinterpret_cast<const char*>(data), size}, "fuzz", options);
  if (!graph) return 0;
  std::string text = to_text(**graph, options);
  auto again = parse_text(text, "again", options);
  MODELCTL_CHECK(again && to_text(**again, options) == text, "a printed graph reads back");
  return 0;
}
