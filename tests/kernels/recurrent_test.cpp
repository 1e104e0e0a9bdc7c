// LSTM, GRU and RNN against direct sums, with initial states and lengths.
#include "kernels/recurrent.hpp"

#include "run_kernel.hpp"
#include "runtime/thread_pool.hpp"

using namespace modelctl;
using namespace modelctl::test;

namespace {

struct Shape {
  std::int64_t steps, batch, input, hidden, directions;
};
constexpr Shape shapes[] = {{1, 1, 1, 1, 1}, {3, 2, 5, 7, 1}, {4, 1, 16, 16, 2}, {2, 9, 3, 33, 2}, {5, 3, 20, 128, 1}};

double value(const Tensor& t, std::int64_t i) { return t.as<float>()[static_cast<std::size_t>(i)]; }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// A layer of `gates` gates with random weights, and its outputs by the plain sums. `cell` is given the gates' sums over
// the input and over the state, apart, and the state itself; it answers the next h.
struct Layer {
  Shape of;
  std::int64_t gates;
  bool batch_first;
  Tensor x, w, r, bias, h, c;

  Layer(const Shape& shape, std::int64_t gate_count, bool first) : of(shape), gates(gate_count), batch_first(first) {
    auto [s, b, i, n, d] = shape;
    x = random(first ? Dims{b, s, i} : Dims{s, b, i}, 1);
    w = random({d, gates * n, i}, 2);
    r = random({d, gates * n, n}, 3);
    // A state that grows from step to step would magnify rounding.
    for (float& weight : r.mutable_view().as<float>()) weight /= std::sqrt(static_cast<float>(n));
    bias = random({d, (gates == 3 ? 4 : gates) * n}, 4);
    h = random(first ? Dims{b, d, n} : Dims{d, b, n}, 5);
    c = random(first ? Dims{b, d, n} : Dims{d, b, n}, 6);
  }

  Attributes attributes(std::vector<std::string> functions) const {
    std::vector<std::string> names;
    for (std::int64_t d = 0; d < of.directions; ++d) names.insert(names.end(), functions.begin(), functions.end());
    std::vector<float> none(names.size(), 0.0f);
    return {{"hidden", of.hidden}, {"directions", of.directions},
            {"functions", names},  {"alphas", none},
            {"betas", none},       {"batch_first", std::int64_t{batch_first}}};
  }
  Dims y_dims() const {
    return batch_first ? Dims{of.batch, of.steps, of.directions, of.hidden}
                       : Dims{of.steps, of.directions, of.batch, of.hidden};
  }

  using Sums = std::function<double(std::int64_t gate, std::int64_t unit)>;
  template <class Cell>
  std::vector<double> y(Cell cell) const {
    auto [s, b, in, n, dirs] = of;
    std::vector<double> all(static_cast<std::size_t>(s * b * dirs * n));
    for (std::int64_t d = 0; d < dirs; ++d) {
      for (std::int64_t row = 0; row < b; ++row) {
        std::vector<double> state, memory;
        for (std::int64_t j = 0; j < n; ++j) {
          const std::int64_t at = (batch_first ? row * dirs + d : d * b + row) * n + j;
          state.push_back(value(h, at));
          memory.push_back(value(c, at));
        }
        for (std::int64_t step = 0; step < s; ++step) {
          const std::int64_t t = d == 1 ? s - 1 - step : step;
          const auto of_x = [&, d = d, row = row](std::int64_t gate, std::int64_t j) {
            double sum = 0;
            for (std::int64_t i = 0; i < of.input; ++i) {
              sum += value(w, ((d * gates + gate) * of.hidden + j) * of.input + i) *
                     value(x, (batch_first ? row * of.steps + t : t * of.batch + row) * of.input + i);
            }
            return sum;
          };
          const auto of_h = [&, d = d](const std::vector<double>& from, std::int64_t gate, std::int64_t j) {
            double sum = 0;
            for (std::int64_t i = 0; i < of.hidden; ++i) {
              sum += value(r, ((d * gates + gate) * of.hidden + j) * of.hidden + i) * from[static_cast<std::size_t>(i)];
            }
            return sum;
          };
          std::vector<double> next(state.size());
          cell(d, of_x, of_h, state, memory, next);
          state = next;
          for (std::int64_t j = 0; j < n; ++j) {
            const std::int64_t to = batch_first ? (row * s + t) * dirs + d : (t * dirs + d) * b + row;
            all[static_cast<std::size_t>(to * n + j)] = state[static_cast<std::size_t>(j)];
          }
        }
      }
    }
    return all;
  }
};

void agree(const KernelRun& run, const std::vector<double>& want) {
  runtime::ThreadPool two(2);
  for (kernels::Cpu cpu : cpus()) {
    CAPTURE(name(cpu.isa));
    const Tensor y = run.run_alone(cpu);
    CHECK(distance(y, want) < 1e-5);
    auto shared = run.run(cpu, two);
    REQUIRE(shared.has_value());
    CHECK(same(y, (*shared)[0]));  // to the bit, at any number of threads
  }
}

Dims state_dims(const Layer& layer) { return layer.h.dims(); }

KernelRun lstm(const Layer& layer) {
  return {"lstm_f32",
          layer.attributes({"sigmoid", "tanh", "tanh"}),
          {layer.x, kernels::pack_recurrent_weights(layer.w.view()), kernels::pack_recurrent_weights(layer.r.view()),
           layer.bias, layer.h, layer.c},
          {layer.y_dims(), state_dims(layer), state_dims(layer)}};
}

}  // namespace

TEST_CASE("LSTM agrees with the plain sums, for states, batches and directions of any size") {
  for (const Shape& shape : shapes) {
    for (bool batch_first : {false, true}) {
      const Layer layer(shape, 4, batch_first);
      CAPTURE(shape.hidden);
      agree(lstm(layer), layer.y([&](std::int64_t d, auto of_x, auto of_h, auto& h, auto& c, auto& next) {
        for (std::int64_t j = 0; j < shape.hidden; ++j) {
          const auto sum = [&](std::int64_t gate) {
            return of_x(gate, j) + of_h(h, gate, j) + value(layer.bias, (d * 4 + gate) * shape.hidden + j);
          };
          double& memory = c[static_cast<std::size_t>(j)];
          memory = sigmoid(sum(2)) * memory + sigmoid(sum(0)) * std::tanh(sum(3));
          next[static_cast<std::size_t>(j)] = sigmoid(sum(1)) * std::tanh(memory);
        }
      }));
    }
  }
}

TEST_CASE("GRU agrees with the plain sums, the reset gate before the product or after it") {
  for (const Shape& shape : shapes) {
    for (bool reset_after : {false, true}) {
      const Layer layer(shape, 3, !reset_after);
      CAPTURE(shape.hidden);
      const std::int64_t n = shape.hidden;
      KernelRun run{"gru_f32",
                    layer.attributes({"sigmoid", "tanh", "tanh"}),
                    {layer.x, kernels::pack_recurrent_weights(layer.w.view()),
                     kernels::pack_recurrent_weights(layer.r.view(), 2 * n), layer.bias, layer.h},
                    {layer.y_dims(), state_dims(layer)}};
      run.attributes.set("linear_before_reset", std::int64_t{reset_after});
      agree(run, layer.y([&](std::int64_t d, auto of_x, auto of_h, auto& h, auto&, auto& next) {
        const auto bias = [&](std::int64_t gate, std::int64_t j) { return value(layer.bias, (d * 4 + gate) * n + j); };
        const auto gate = [&](std::int64_t index, std::int64_t j) {
          return sigmoid(of_x(index, j) + of_h(h, index, j) + bias(index, j));
        };
        std::vector<double> reset;
        for (std::int64_t j = 0; j < n; ++j) reset.push_back(gate(1, j) * h[static_cast<std::size_t>(j)]);
        for (std::int64_t j = 0; j < n; ++j) {
          const double past = reset_after ? gate(1, j) * (of_h(h, 2, j) + bias(3, j)) : of_h(reset, 2, j);
          const double update = gate(0, j), fresh = std::tanh(of_x(2, j) + bias(2, j) + past);
          next[static_cast<std::size_t>(j)] = (1 - update) * fresh + update * h[static_cast<std::size_t>(j)];
        }
      }));
    }
  }
}

TEST_CASE("a plain recurrent layer agrees with the plain sums, whatever its function") {
  for (const Shape& shape : shapes) {
    for (const char* function : {"tanh", "relu", "sigmoid"}) {
      const Layer layer(shape, 1, false);
      CAPTURE(function);
      agree({"rnn_f32",
             layer.attributes({function, function, function}),
             {layer.x, kernels::pack_recurrent_weights(layer.w.view()), kernels::pack_recurrent_weights(layer.r.view()),
              layer.bias, layer.h},
             {layer.y_dims()}},
            layer.y([&](std::int64_t d, auto of_x, auto of_h, auto& h, auto&, auto& next) {
              for (std::int64_t j = 0; j < shape.hidden; ++j) {
                next[static_cast<std::size_t>(j)] =
                    activate(function, of_x(0, j) + of_h(h, 0, j) + value(layer.bias, d * shape.hidden + j));
              }
            }));
    }
  }
}

TEST_CASE("a recurrent kernel refuses what does not fit its layer") {
  const Layer layer({3, 2, 5, 7, 1}, 4, false);
  const auto refusal = [&](auto change) {
    KernelRun run = lstm(layer);
    change(run);
    return run.refusal();
  };
  CHECK(refusal([](KernelRun& run) { run.attributes.set("hidden", std::int64_t{0}); }) ==
        "cannot bind kernel 'lstm_f32': the hidden size is out of bounds");
  CHECK(refusal([](KernelRun& run) { run.attributes.set("directions", std::int64_t{3}); }) ==
        "cannot bind kernel 'lstm_f32': there are one or two directions");
  CHECK(refusal([](KernelRun& run) { run.attributes.set("functions", std::vector<std::string>{"tanh"}); }) ==
        "cannot bind kernel 'lstm_f32': there are not three functions for each direction");
  CHECK(refusal([](KernelRun& run) {
          run.attributes.set("functions", std::vector<std::string>{"tanh", "tanh", "step"});
        }) == "cannot bind kernel 'lstm_f32': there is no function 'step'");
  CHECK(refusal([](KernelRun& run) { run.inputs[1] = random({8}, 1); }) ==
        "cannot bind kernel 'lstm_f32': W has the dimensions [8], not [160]");
  CHECK(refusal([](KernelRun& run) {
          run.inputs[5] = random({2, 7}, 1);
        }) == "cannot bind kernel 'lstm_f32': a state has the dimensions [2,7], not [1,2,7]");
  CHECK(refusal([](KernelRun& run) {
          run.outputs[0] = {3, 2, 7};
        }) == "cannot bind kernel 'lstm_f32': an output has the dimensions [3,2,7], not [3,1,2,7]");
  CHECK(refusal([](KernelRun& run) {
          run.inputs[0] = random({3, 2}, 1);
        }) == "cannot bind kernel 'lstm_f32': X has not three dimensions");
}
