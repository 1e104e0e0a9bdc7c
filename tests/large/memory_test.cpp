// The memory for building a large model, as the operating system reports it for the real binary.
#include "base/files.hpp"
#include "base/system_host.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>
#include <fmt/core.h>

#include <sys/resource.h>

using namespace modelctl;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t layers = 16, width = 2048;
constexpr std::int64_t weight_bytes = width * width * 4;

// ONNX's encoding, as far as a chain of products needs it: this process must stay small, for a child is charged with
// the memory that its parent had.
std::string number(std::uint64_t value) {
  std::string bytes;
  for (; value > 127; value >>= 7) bytes += static_cast<char>(value | 128);
  return bytes + static_cast<char>(value);
}
std::string field(unsigned tag, std::uint64_t value) { return number(tag << 3) + number(value); }
std::string field(unsigned tag, const std::string& bytes) {
  return number(tag << 3 | 2) + number(bytes.size()) + bytes;
}

std::string port(const std::string& name) {
  std::string shape = field(1, field(2, std::string("rows"))) + field(1, field(1, std::uint64_t{width}));
  return field(1, name) + field(2, field(1, field(1, std::uint64_t{1}) + field(2, shape)));
}

std::string chain() {
  std::string graph = field(2, std::string("chain"));
  for (std::int64_t i = 0; i < layers; ++i) {
    std::string weight = fmt::format("w{}", i);
    graph += field(1, field(1, fmt::format("x{}", i)) + field(1, weight) + field(2, fmt::format("x{}", i + 1)) +
                          field(4, std::string("MatMul")));
    auto entry = [](const std::string& key, const std::string& value) {
      return field(13, field(1, key) + field(2, value));
    };
    graph += field(5, field(1, std::uint64_t{width}) + field(1, std::uint64_t{width}) + field(2, std::uint64_t{1}) +
                          field(8, weight) + entry("location", "weights.bin") +
                          entry("offset", std::to_string(i * weight_bytes)) +
                          entry("length", std::to_string(weight_bytes)) + field(14, std::uint64_t{1}));
  }
  graph += field(11, port("x0")) + field(12, port(fmt::format("x{}", layers)));
  return field(1, std::uint64_t{10}) + field(7, graph) + field(8, field(2, std::uint64_t{21}));
}

void write_weights(const fs::path& path) {
  auto file = AtomicFile::create(path);
  REQUIRE(file);
  std::vector<float> row(static_cast<std::size_t>(width));
  std::uint32_t state = 1;
  for (std::int64_t i = 0; i < layers * width; ++i) {
    for (float& value : row) {
      state = state * 1664525 + 1013904223;
      value = static_cast<float>(state >> 8) / 16777216.0f - 0.5f;
    }
    REQUIRE(file->write(std::as_bytes(std::span(row))));
  }
  REQUIRE(file->commit());
}

}  // namespace

TEST_CASE("building a model takes at most one and a half times its size in memory") {
  test::Scratch scratch;
  write_weights(scratch / "weights.bin");
  REQUIRE(write_file(scratch / "model.onnx", as_bytes(chain())));
  StopToken stop;
  SystemProcesses processes(stop);
  std::vector<std::string> command{MODELCTL, "build", (scratch / "model.onnx").string(), "-o",
                                   (scratch / "model.artifact").string()};
  auto built = processes.run(command, {});
  REQUIRE(built);
  INFO(built->err);
  REQUIRE(built->exit_code == 0);
  CHECK(fs::file_size(scratch / "model.artifact") >= static_cast<std::uintmax_t>(layers * weight_bytes));
  rusage used{};
  REQUIRE(::getrusage(RUSAGE_CHILDREN, &used) == 0);
  // What is mapped of the model counts, too, although the system can take it back.
  double ratio = static_cast<double>(used.ru_maxrss) * 1024 / static_cast<double>(layers * weight_bytes);
  fmt::print("{:.2f} times the model's {} MB\n", ratio, layers * weight_bytes / 1000000);
  CHECK(ratio <= 1.5);
}
