// Records, the same bytes as a table, as JSON and as JSON lines, with inputs of one and of several values, and with a
// label.
#include "tensor/records.hpp"

#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace modelctl;
  const formats::Expected expected[] = {
      {"a", DType::f32, Dims{-1, 1}}, {"b", DType::string, Dims{-1}}, {"c", DType::undefined, Dims{-1}}};
  const formats::Expected wide[] = {{"x", DType::i64, Dims{-1, 2}}};
  ByteSpan bytes{reinterpret_cast<const std::byte*>(data), size};
  for (const char* extension : {".csv", ".json", ".jsonl"}) {
    auto format = formats::format_of(extension);
    if (!format) return 0;
    (void)formats::read_records(**format, {bytes, "fuzz", expected, &expected[0], {}}, "");
    (void)formats::read_records(**format, {bytes, "fuzz", wide, &wide[0], {}}, "label");
    (void)(*format)->read({bytes, "fuzz", wide, &wide[0], {}});
  }
  return 0;
}
