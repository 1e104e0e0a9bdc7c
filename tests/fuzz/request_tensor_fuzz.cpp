// The tensors of a request's JSON: what is read is written, and reads back as the same. The first byte picks the type.
#include "base/check.hpp"
#include "serve/json.hpp"

using namespace modelctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr DType types[] = {DType::f32, DType::f64, DType::i64, DType::u64, DType::u8, DType::boolean, DType::string};
  if (size == 0) return 0;
  DType type = types[data[0] % std::size(types)];
  auto document = serve::JsonDocument::parse({reinterpret_cast<const char*>(data) + 1, size - 1});
  if (!document) return 0;
  auto tensor = serve::tensor_from_json(document->root(), type, std::nullopt, "the input");
  if (!tensor) return 0;
  serve::JsonText written(64 << 20);
  std::string text = written.nested(tensor->view()).done().value();
  if (text.find("null") != std::string::npos && type != DType::string) return 0;  // an f32 that was too large for one
  auto again = serve::JsonDocument::parse(text);
  MODELCTL_CHECK(again.has_value(), "what was written is no JSON");
  auto same = serve::tensor_from_json(again->root(), type, tensor->dims(), "the input");
  MODELCTL_CHECK(same.has_value() && same->dims() == tensor->dims(), "what was written does not read back");
  return 0;
}
