// Caches of decoders, updated in place: plans of real operators, run in memory of the caller.
#include "graph/text.hpp"
#include "lower/lower.hpp"
#include "ops/run_table.hpp"
#include "ops/schema/operator.hpp"
#include "runtime/model.hpp"
#include "runtime/thread_pool.hpp"
#include "support/scratch.hpp"

#include <doctest/doctest.h>
#include <sys/mman.h>

#include <cmath>
#include <cstring>
#include <numeric>

namespace modelctl::test {
namespace {

using runtime::OutputBuffer;

struct Loaded {
  std::shared_ptr<const runtime::Model> model;
  std::unique_ptr<runtime::ThreadPool> pool = std::make_unique<runtime::ThreadPool>(2);
  std::unique_ptr<runtime::Session> session;

  explicit Loaded(std::string_view text) {
    auto graph = graph::parse_text(text);
    REQUIRE_MESSAGE(graph.has_value(), (graph ? "" : graph.error().what));
    for (const auto& node : (*graph)->nodes()) REQUIRE(ops::infer(*node).has_value());
    auto lowered = lower::lower(**graph);
    REQUIRE_MESSAGE(lowered.has_value(), (lowered ? "" : lowered.error().what));
    Scratch scratch;
    REQUIRE(lowered->weights.write(lowered->plan, scratch / "model.mcm").has_value());
    auto artifact = artifact::open(scratch / "model.mcm");
    REQUIRE(artifact.has_value());
    auto loaded = runtime::Model::load(std::move(*artifact), ops::run_table(), kernels::Cpu::detect());
    REQUIRE(loaded.has_value());
    model = *loaded;
    session = std::make_unique<runtime::Session>(model, *pool);
  }
  std::string refusal(std::span<const TensorView> inputs, std::span<const OutputBuffer> buffers) {
    auto outputs = session->run(inputs, buffers);
    if (outputs) return "(ran)";
    return outputs.error().what + " because " + outputs.error().why.front();
  }
};

Tensor counting(Dims dims, float from) {
  Tensor tensor(DType::f32, std::move(dims));
  auto values = tensor.mutable_view().as<float>();
  std::iota(values.begin(), values.end(), from);
  return tensor;
}

constexpr std::string_view growing = R"(graph "g" {
  input past: f32[1,heads,p,size]
  input new: f32[1,heads,s,size]
  present: f32[1,heads,p+s,size] = Concat(past, new) {axis: 2}
  output present
})";

constexpr std::string_view scattering = R"(graph "g" {
  input cache: f32[b,rows,4]
  input new: f32[b,1,4]
  input at: i64[b]
  after: f32[b,rows,4] = TensorScatter(cache, new, at)
  sum: f32[b,rows,4] = Add(after, after)
  output after
  output sum
})";

TEST_CASE("a model returns which outputs continue which inputs") {
  Loaded grows(growing), fixed(scattering);
  REQUIRE(grows.model->states().size() == 1);
  CHECK(grows.model->states()[0].input == 0);
  CHECK(grows.model->states()[0].output == 0);
  CHECK(grows.model->states()[0].axis == 2);
  CHECK_FALSE(grows.model->states()[0].read);
  REQUIRE(fixed.model->states().size() == 1);
  CHECK(fixed.model->states()[0].axis == 1);
  CHECK(fixed.model->states()[0].read);
  Loaded read_twice(R"(graph "g" {
    input past: f32[1,1,p,4]
    input new: f32[1,1,s,4]
    present: f32[1,1,p+s,4] = Concat(past, new) {axis: 2}
    other: f32[1,1,p,4] = Abs(past)
    output present
    output other
  })");
  CHECK(read_twice.model->states().empty());
}

TEST_CASE("no byte of a growing cache is written but the new rows: its pages may be read-only") {
  constexpr std::int64_t size = 1024, capacity = 4;  // a row is a page
  auto bytes = static_cast<std::size_t>(capacity * size) * sizeof(float);
  void* pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(pages != MAP_FAILED);
  auto* cache = static_cast<float*>(pages);
  Loaded decoder(growing);
  for (std::int64_t step = 0; step < capacity; ++step) {
    REQUIRE(::mprotect(pages, static_cast<std::size_t>(step) * size * sizeof(float), PROT_READ) == 0);
    Dims past{1, 1, step, size};
    Tensor fresh = counting({1, 1, 1, size}, static_cast<float>(step * 10000));
    OutputBuffer buffer{pages, bytes, capacity};
    auto outputs =
        decoder.session->run(std::vector<TensorView>{{DType::f32, past, pages}, fresh.view()}, std::span(&buffer, 1));
    REQUIRE_MESSAGE(outputs.has_value(), (outputs ? "" : outputs.error().what));
    CHECK_FALSE((*outputs)[0].present());
    for (std::int64_t row = 0; row <= step; ++row) CHECK(cache[row * size + 1] == static_cast<float>(row * 10000 + 1));
  }
  ::munmap(pages, bytes);
}

TEST_CASE("heads of a growing cache keep their places") {
  constexpr std::int64_t heads = 2, capacity = 3, size = 2;
  std::vector<float> cache(heads * capacity * size, -1.0f);
  Loaded decoder(growing);
  for (std::int64_t step = 0; step < 3; ++step) {
    Dims past{1, heads, step, size};
    Tensor fresh = counting({1, heads, 1, size}, static_cast<float>(step * 10));
    OutputBuffer buffer{cache.data(), cache.size() * sizeof(float), capacity};
    auto outputs = decoder.session->run(std::vector<TensorView>{{DType::f32, past, cache.data()}, fresh.view()},
                                        std::span(&buffer, 1));
    REQUIRE_MESSAGE(outputs.has_value(), (outputs ? "" : outputs.error().what));
  }
  CHECK(cache == std::vector<float>{0, 1, 10, 11, 20, 21, 2, 3, 12, 13, 22, 23});
}

TEST_CASE("a cache of fixed size is written in place, read by later steps, and comes back as a view of itself") {
  Loaded decoder(scattering);
  Tensor cache = counting({2, 3, 4}, 0), fresh = counting({2, 1, 4}, 100),
         at = Tensor::of_ints(std::vector<std::int64_t>{2, 0});
  auto* memory = static_cast<float*>(cache.mutable_view().data);
  std::vector<TensorView> inputs{cache.view(), fresh.view(), at.view()};
  OutputBuffer buffer{memory, cache.bytes().size(), 0};
  auto outputs = decoder.session->run(inputs, std::span(&buffer, 1));
  REQUIRE_MESSAGE(outputs.has_value(), (outputs ? "" : outputs.error().what));
  CHECK((*outputs)[0].view().data == memory);
  CHECK(memory[8] == 100.0f);
  CHECK(memory[12] == 104.0f);
  CHECK(memory[7] == 7.0f);
  CHECK((*outputs)[1].as<float>()[8] == 200.0f);
  // Without a buffer the input stays as it was.
  Tensor other = counting({2, 3, 4}, 0);
  inputs[0] = other.view();
  outputs = decoder.session->run(inputs);
  REQUIRE(outputs.has_value());
  CHECK((*outputs)[0].as<float>()[8] == 100.0f);
  CHECK(other.as<float>()[8] == 8.0f);
}

TEST_CASE("attention over a cache that grows in place gives what it gives over copies") {
  constexpr std::int64_t heads = 2, capacity = 600, size = 8;
  Loaded decoder(R"(graph "g" {
    input q: f32[1,s,16]
    input k: f32[1,s,16]
    input v: f32[1,s,16]
    input past_k: f32[1,2,p,8]
    input past_v: f32[1,2,p,8]
    y: f32[1,s,16], present_k: f32[1,2,p+s,8], present_v: f32[1,2,p+s,8] = Attention(q, k, v, _, past_k, past_v) {is_causal: 1, kv_num_heads: 2, q_num_heads: 2}
    output y
    output present_k
    output present_v
  })");
  REQUIRE(decoder.model->states().size() == 2);
  std::vector<float> cache_k(heads * capacity * size), cache_v(heads * capacity * size);
  Tensor apart_k(DType::f32, {1, heads, 0, size}), apart_v = apart_k;
  std::int64_t past = 0;
  for (std::int64_t fresh : {300, 1, 1, 298}) {
    auto tokens = [&](float from) {
      Tensor t = counting({1, fresh, heads * size}, from);
      for (float& x : t.mutable_view().as<float>()) x = std::sin(x * 0.37f + static_cast<float>(past));
      return t;
    };
    Tensor q = tokens(1), k = tokens(2), v = tokens(3);
    auto apart =
        decoder.session->run(std::vector<TensorView>{q.view(), k.view(), v.view(), apart_k.view(), apart_v.view()});
    REQUIRE(apart.has_value());
    Dims dims{1, heads, past, size};
    std::vector<OutputBuffer> places{
        {}, {cache_k.data(), cache_k.size() * 4, capacity}, {cache_v.data(), cache_v.size() * 4, capacity}};
    auto together = decoder.session->run(
        std::vector<TensorView>{
            q.view(), k.view(), v.view(), {DType::f32, dims, cache_k.data()}, {DType::f32, dims, cache_v.data()}},
        places);
    REQUIRE_MESSAGE(together.has_value(), (together ? "" : together.error().what));
    CHECK(same((*together)[0], (*apart)[0]));
    apart_k = (*apart)[1];
    apart_v = (*apart)[2];
    past += fresh;
    for (std::int64_t h = 0; h < heads; ++h) {
      CHECK(std::memcmp(cache_k.data() + h * capacity * size, apart_k.as<float>().data() + h * past * size,
                        static_cast<std::size_t>(past * size) * 4) == 0);
    }
  }
}

TEST_CASE("memory that cannot be is refused before it is written") {
  Loaded decoder(growing);
  std::vector<float> memory(64);
  Dims past{1, 2, 1, 2}, fresh{1, 2, 1, 2};
  std::vector<TensorView> inputs{{DType::f32, past, memory.data()}, {DType::f32, fresh, memory.data() + 32}};
  auto refusal = [&](OutputBuffer buffer) { return decoder.refusal(inputs, std::span(&buffer, 1)); };
  const std::string what = "cannot write output 'present' to the caller's memory because ";
  CHECK(refusal({memory.data(), 256, 0}) ==
        what + "it is longer than the input that it continues, and no capacity is given");
  CHECK(refusal({memory.data(), 256, 1}) == what + "it has 2 rows, and the capacity is 1");
  CHECK(refusal({memory.data(), 16, 4}) == what + "f32[1,2,4,2] are 64 bytes, and there are 16");
  CHECK(refusal({memory.data() + 32, 256, 0}) == what + "that memory holds input 'new', which it does not continue");
  CHECK(refusal({memory.data() + 48, 256, 4}) == what + "with a capacity, input 'past' must lie in the same memory");
  CHECK(refusal({reinterpret_cast<std::byte*>(memory.data()) + 1, 256, 0}) ==
        what + "the memory is not aligned to f32");
  CHECK(refusal({memory.data() + 48, 8, 0}) == what + "f32[1,2,2,2] are 32 bytes, and there are 8");
  CHECK(refusal({memory.data() + 48, 64, 0}) == "(ran)");
  Loaded fixed(scattering);
  Tensor cache = counting({1, 3, 4}, 0), row = counting({1, 1, 4}, 0),
         at = Tensor::of_ints(std::vector<std::int64_t>{0});
  OutputBuffer buffer{cache.mutable_view().data, 256, 5};
  CHECK(fixed.refusal(std::vector<TensorView>{cache.view(), row.view(), at.view()}, std::span(&buffer, 1)) ==
        "cannot write output 'after' to the caller's memory because other steps read it, which take it for a dense "
        "tensor");
}

}  // namespace
}  // namespace modelctl::test
