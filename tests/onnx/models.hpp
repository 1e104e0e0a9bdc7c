// Models that tests make: from a graph's text to ONNX bytes and back to a graph.
#pragma once

#include "graph/text.hpp"
#include "onnx/model.hpp"
#include "onnx/writer.hpp"

#include <doctest/doctest.h>

namespace modelctl::onnx::test {

inline std::string bytes_of(std::string_view text, const WriteOptions& options = {}) {
  auto graph = graph::parse_text(text);
  if (!graph) FAIL(graph.error().where, ": ", graph.error().what);
  return write(**graph, options);
}

// The bytes must outlive the model.
inline Result<Model> parse_bytes(const std::string& bytes, const std::filesystem::path& folder = "/nonexistent") {
  return parse(as_bytes(bytes), nullptr, "model.onnx", folder);
}

inline Result<Model> load(const std::string& bytes) {
  auto model = TRY(parse_bytes(bytes));
  TRY(normalize(model));
  return model;
}

// "what | where | because …" of an error and of the faults it sums up, one a line.
inline std::string message_of(const Error& error) {
  std::string text;
  for (const Error& fault : error.faults) text += message_of(fault);
  if (!error.faults.empty()) return text;
  text = error.code + ": " + error.what;
  if (!error.where.empty()) text += "\n  at " + error.where;
  for (const std::string& why : error.why) text += "\n  because " + why;
  if (!error.hint.empty()) text += "\n  help " + error.hint;
  return text + "\n";
}

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "fine\n" : message_of(result.error());
}

}  // namespace modelctl::onnx::test
