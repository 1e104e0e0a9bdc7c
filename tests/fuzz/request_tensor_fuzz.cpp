// The tensors of a request's JSON: what is read is written, and parsing that gives the same. The first byte selects the
// type.
#include "base/check.hpp"
#include "serve/formats/json_writer.hpp"
#include "tensor/json/tensor.hpp"

using namespace modelctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr DType types[] = {DType::f32,     DType::f64,    DType::i64, DType::u64, DType::u8,
                             DType::boolean, DType::string, DType::f16, DType::bf16};
  if (size == 0) return 0;
  DType type = types[data[0] % std::size(types)];
  json::Cursor in({reinterpret_cast<const char*>(data) + 1, size - 1});
  Tensor tensor, again;
  if (!json::read_tensor(in, {type, std::nullopt, 64 << 20}, tensor)) return 0;
  auto text = serve::JsonWriter(256 << 20).nested(tensor.view()).done();
  MODELCTL_CHECK(text.has_value(), "what was read cannot be written");
  json::Cursor back(*text);
  MODELCTL_CHECK(json::read_tensor(back, {type, tensor.dims()}, again) && back.at_end(), "it does not read back");
  MODELCTL_CHECK(same(tensor, again), "it reads back as something else");
  return 0;
}
