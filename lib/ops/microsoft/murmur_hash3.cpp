// MurmurHash3, 32 bits: the hash of each element, as FeatureHasher of scikit-learn is exported. The algorithm is Austin
// Appleby's MurmurHash3_x86_32 (public domain), which reads a text's bytes, or a number's, in the order of little
// endian.
//
// Smallest runner: regular, since it belongs to classical models.
#include "ops/reference/run.hpp"
#include "ops/schema/example.hpp"
#include "ops/schema/infer.hpp"

#include <bit>
#include <cstring>

namespace modelctl::ops {
namespace {

using Numbers = TypeList<std::int32_t, std::uint32_t, std::int64_t, std::uint64_t, float, double>;

bool is_positive(const Attributes& attributes) { return attributes.integer("positive", 1) != 0; }

std::uint32_t scrambled(std::uint32_t block) { return std::rotl(block * 0xcc9e2d51u, 15) * 0x1b873593u; }

// Blocks of four bytes are mixed into the hash, then the one to three bytes that are left, then the length; the last
// steps let every bit of it depend on every bit of the input.
std::uint32_t hash_of(std::string_view bytes, std::uint32_t hash) {
  const auto length = static_cast<std::uint32_t>(bytes.size());
  for (; bytes.size() >= 4; bytes.remove_prefix(4)) {
    std::uint32_t block = 0;
    for (std::size_t i = 4; i-- > 0;) block = block << 8 | static_cast<std::uint8_t>(bytes[i]);
    hash = std::rotl(hash ^ scrambled(block), 13) * 5 + 0xe6546b64u;
  }
  std::uint32_t rest = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) rest = rest << 8 | static_cast<std::uint8_t>(bytes[i]);
  hash ^= scrambled(rest) ^ length;
  hash = (hash ^ hash >> 16) * 0x85ebca6bu;
  hash = (hash ^ hash >> 13) * 0xc2b2ae35u;
  return hash ^ hash >> 16;
}

Result<void> infer(Inference& call) {
  std::optional<graph::Shape> shape;
  if (const graph::Shape* x = call.shape(0)) shape = *x;
  call.set_output(0, is_positive(call.attributes()) ? DType::u32 : DType::i32, std::move(shape));
  return {};
}

Result<void> evaluate(const Call& call, Outputs& outputs) {
  const TensorView& x = call.input(0);
  const auto seed = static_cast<std::uint32_t>(call.attributes.integer("seed"));
  DType type = is_positive(call.attributes) ? DType::u32 : DType::i32;
  MutableTensorView y = TRY(outputs.allocate(0, type, x.dims));
  std::size_t at = 0;
  auto put = [&](std::string_view bytes) {
    std::uint32_t hash = hash_of(bytes, seed);
    if (type == DType::u32) y.as<std::uint32_t>()[at++] = hash;
    else y.as<std::int32_t>()[at++] = static_cast<std::int32_t>(hash);
  };
  if (x.type == DType::string) {
    for (const std::string& text : x.as<std::string>()) put(text);
    return {};
  }
  return for_type<Numbers>(x.type, [&]<class T>() -> Result<void> {
    for (T value : x.as<T>()) {
      char bytes[sizeof(T)];
      std::memcpy(bytes, &value, sizeof(T));
      put({bytes, sizeof(T)});
    }
    return {};
  });
}

constexpr AttributeDef attributes[] = {
    {"positive", AttributeType::integer, "1: the hash is u32; 0: it is i32; 1 if absent"},
    {"seed", AttributeType::integer, "of the hash; 0 if absent"}};

constexpr OpDef defs[] = {
    {
        .domain = "com.microsoft",
        .name = "MurmurHash3",
        .since = 1,
        .summary = "The 32-bit MurmurHash3 of each element.",
        .inputs = "X",
        .outputs = "Y",
        .types = "string i32 u32 i64 u64 f32 f64",
        .attributes = attributes,
        .infer = infer,
        .examples =
            [] {
              return Examples{
                  {"texts of every remainder by four",
                   {strings({4}, {"", "foo", "abcdefgh", "naïve"})},
                   {},
                   {Tensor::of<std::uint32_t>(DType::u32, {4}, {0u, 4138058784u, 1239272644u, 992511445u})}},
                  {"numbers, signed and with a seed",
                   {i32({2}, {3, -1})},
                   {{"positive", std::int64_t{0}}, {"seed", std::int64_t{42}}},
                   {i32({2}, {-1823081949, -1604776387})}},
                  {"numbers of eight bytes",
                   {f64({1}, {1.5})},
                   {},
                   {Tensor::of<std::uint32_t>(DType::u32, {1}, {4034560987u})}}};
            },
    },
};
constexpr OpRun runs[] = {{"com.microsoft", "MurmurHash3", evaluate}};

}  // namespace

std::span<const OpDef> murmur_hash3_ops() { return defs; }
std::span<const OpRun> murmur_hash3_runs() { return runs; }

}  // namespace modelctl::ops
