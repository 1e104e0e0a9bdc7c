// Queues, fairness and completion, without a network: requests of the tests' own.
#include "serve/models/scheduler.hpp"

#include "serve/models.hpp"

#include <doctest/doctest.h>

#include <thread>

using namespace modelctl;
using namespace modelctl::serve;
using test::gate;

namespace {

// What became of the requests, in the order in which they ended.
struct Log {
  std::mutex mutex;
  std::vector<std::string> ended;
  std::atomic<int> sent{0};

  void add(std::string text) {
    std::lock_guard lock(mutex);
    ended.push_back(std::move(text));
  }
};

class Recorded final : public PredictionRequest {
 public:
  Recorded(Log& log, std::string name, Tensor input = Tensor::of<float>(DType::f32, {1, 2}, {1, 2}))
      : PredictionRequest({}), log_(log), name_(std::move(name)), input_(std::move(input)) {}

  Result<std::vector<Tensor>> decode(const LoadedModel&) override {
    decoded_on = std::this_thread::get_id();
    return std::vector{input_};
  }
  bool decodes_briefly() const override { return brief; }
  void encode(const LoadedModel*, Result<std::vector<Tensor>> given) noexcept override {
    log_.add(name_ + ": " + (given ? "done" : given.error().code));
    if (given) outputs = std::move(*given);
  }
  void send() noexcept override { ++log_.sent; }
  std::string_view header(const std::string&) const override { return {}; }
  std::string_view client() const override { return {}; }

  std::vector<Tensor> outputs;
  bool brief = false;
  std::thread::id decoded_on;

 private:
  Log& log_;
  const std::string name_;
  const Tensor input_;
};

struct Models {
  test::Scratch scratch;
  Service service{batches()};
  Metrics metrics;
  std::shared_ptr<LoadedModel> a = test::twice_model(scratch, service), b = test::twice_model(scratch, service);

  static Settings batches() {
    Settings settings;
    settings.batch_max = 8;
    return settings;
  }
};

// The value of a sample; 0 if there is none.
double sample(const Metrics& metrics, const std::string& name) {
  std::string text = metrics.text(false);
  std::size_t at = text.find("\n" + name + " ");
  return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 2));
}

void wait_until_none_pends(const Scheduler& scheduler) {
  while (scheduler.pending() > 0) std::this_thread::yield();
}

}  // namespace

TEST_CASE("a request beyond the queue of its version is refused at once, and other versions have places of their own") {
  Models models;
  Log log;
  gate.set(false);
  {
    Scheduler scheduler({.workers = 1, .queue = 1}, models.metrics);
    auto submit = [&](const char* name, const std::shared_ptr<LoadedModel>& model) {
      scheduler.submit(std::make_shared<Recorded>(log, name), model);
    };
    submit("first", models.a);
    submit("second", models.a);
    submit("third", models.a);
    CHECK(log.ended == std::vector<std::string>{"third: queue-full"});
    submit("other", models.b);
    CHECK(scheduler.pending() == 3);
    gate.set(true);
  }
  CHECK(log.sent == 4);
}

TEST_CASE("a scheduler that ends completes the requests that wait") {
  Models models;
  Log log;
  gate.set(false);
  {
    Scheduler scheduler({.workers = 2, .queue = 64}, models.metrics);
    for (int i = 0; i < 20; ++i) scheduler.submit(std::make_shared<Recorded>(log, "request"), models.a);
    gate.set(true);
  }
  CHECK(log.ended == std::vector<std::string>(20, "request: done"));
  CHECK(log.sent == 20);
}

TEST_CASE("a long queue of one version does not delay the first request of another") {
  Models models;
  Log log;
  gate.set(false);
  {
    Scheduler scheduler({.workers = 1, .queue = 64}, models.metrics);
    for (int i = 0; i < 20; ++i) scheduler.submit(std::make_shared<Recorded>(log, "a"), models.a);
    scheduler.submit(std::make_shared<Recorded>(log, "b"), models.b);
    gate.set(true);
  }
  auto at = std::find(log.ended.begin(), log.ended.end(), "b: done") - log.ended.begin();
  CHECK(at <= 2);
}

TEST_CASE("a version lives as long as its last request") {
  Models models;
  Log log;
  gate.set(false);
  std::weak_ptr<LoadedModel> version = models.a;
  {
    Scheduler scheduler({.workers = 1, .queue = 64}, models.metrics);
    scheduler.submit(std::make_shared<Recorded>(log, "last"), std::move(models.a));
    CHECK_FALSE(version.expired());
    gate.set(true);
  }
  CHECK(version.expired());
  CHECK(log.ended == std::vector<std::string>{"last: done"});
}

TEST_CASE("requests that wait together run as batches, and each gets its own rows") {
  Models models;
  Log log;
  std::vector<std::shared_ptr<Recorded>> requests;
  gate.set(false);
  {
    Scheduler scheduler({.workers = 1, .queue = 64, .batch_max = 8}, models.metrics);
    for (int i = 0; i < 17; ++i) {
      auto value = static_cast<float>(i);
      requests.push_back(std::make_shared<Recorded>(log, "request", Tensor::of<float>(DType::f32, {1, 2}, {value, 1})));
      scheduler.submit(requests.back(), models.a);
    }
    gate.set(true);
  }
  for (int i = 0; i < 17; ++i) {
    const auto& outputs = requests[static_cast<std::size_t>(i)]->outputs;
    REQUIRE(outputs.size() == 1);
    CHECK(same(outputs[0], Tensor::of<float>(DType::f32, {1, 2}, {2 * static_cast<float>(i), 2})));
  }
  CHECK(sample(models.metrics, "modelctl_batch_size_count{model=\"twice\",version=\"7\"}") < 17);
  CHECK(sample(models.metrics, "modelctl_batch_size_sum{model=\"twice\",version=\"7\"}") == 17);
  CHECK(sample(models.metrics, "modelctl_batching{model=\"twice\",version=\"7\"}") == 1);
}

TEST_CASE("a request that fails does not take its batch with it") {
  Models models;
  Log log;
  gate.set(false);
  {
    Scheduler scheduler({.workers = 1, .queue = 64, .batch_max = 8}, models.metrics);
    for (int i = 0; i < 8; ++i) {
      float first = i == 0 ? -1.0f : 1.0f;
      scheduler.submit(
          std::make_shared<Recorded>(log, std::to_string(i), Tensor::of<float>(DType::f32, {1, 2}, {first, 1})),
          models.a);
    }
    gate.set(true);
  }
  std::sort(log.ended.begin(), log.ended.end());
  REQUIRE(log.ended.size() == 8);
  CHECK(log.ended[0] == "0: negative");
  for (std::size_t i = 1; i < 8; ++i) CHECK(log.ended[i] == std::to_string(i) + ": done");
}

TEST_CASE("a request waits for others no longer than the delay") {
  Models models;
  Log log;
  Scheduler scheduler({.workers = 1, .queue = 64, .batch_max = 8, .batch_delay = std::chrono::milliseconds(20)},
                      models.metrics);
  scheduler.submit(std::make_shared<Recorded>(log, "alone"), models.a);
  wait_until_none_pends(scheduler);
  CHECK(log.ended == std::vector<std::string>{"alone: done"});
}

TEST_CASE("a request that is cancelled while it waits does not run") {
  Models models;
  Log log;
  gate.set(false);
  {
    Scheduler scheduler({.workers = 1, .queue = 64}, models.metrics);
    scheduler.submit(std::make_shared<Recorded>(log, "first"), models.a);
    auto second = std::make_shared<Recorded>(log, "second");
    scheduler.submit(second, models.a);
    second->cancelled.stop();
    gate.set(true);
  }
  CHECK(log.ended == std::vector<std::string>{"first: done", "second: client-gone"});
}

TEST_CASE("a request that cannot meet its deadline is refused at once") {
  Models models;
  Log log;
  models.a->note_time(std::chrono::seconds(1));
  Scheduler scheduler({.workers = 1, .queue = 64}, models.metrics);
  auto late = std::make_shared<Recorded>(log, "late"), good = std::make_shared<Recorded>(log, "good");
  late->deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  good->deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
  scheduler.submit(late, models.a);
  CHECK(log.ended == std::vector<std::string>{"late: deadline-exceeded"});
  scheduler.submit(good, models.a);
  wait_until_none_pends(scheduler);
  CHECK(log.ended.back() == "good: done");
}

TEST_CASE("requests with a deadline are not refused for ever because one request was slow") {
  Models models;
  Log log;
  models.a->note_time(std::chrono::seconds(1));
  Scheduler scheduler({.workers = 1, .queue = 64}, models.metrics);
  for (int i = 0; i < 3; ++i) {
    auto request = std::make_shared<Recorded>(log, "one");
    request->deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(400);
    scheduler.submit(request, models.a);
    wait_until_none_pends(scheduler);
  }
  CHECK(log.ended.back() == "one: done");
}

TEST_CASE("copies beyond the bound are dropped and counted, and delay nobody") {
  Models models;
  Log log;
  auto shadow = test::twice_model(models.scratch, models.service, {"twice", "shadow", "", "", {}});
  const std::string family = "modelctl_shadow_requests_total{model=\"twice\",version=\"shadow\",outcome=\"";
  auto outcomes = [&] {
    return sample(models.metrics, family + "completed\"}") + sample(models.metrics, family + "dropped\"}");
  };
  Scheduler scheduler({.workers = 1, .queue = 64, .shadows = 2}, models.metrics);
  gate.set(false);
  for (int i = 0; i < 10; ++i) {
    auto request = std::make_shared<Recorded>(log, "request");
    request->shadow = shadow;
    scheduler.submit(request, models.a);
  }
  gate.set(true);
  wait_until_none_pends(scheduler);
  while (outcomes() < 10) std::this_thread::yield();
  CHECK(sample(models.metrics, family + "dropped\"}") == 8);
  CHECK(log.ended == std::vector<std::string>(10, "request: done"));
}

TEST_CASE("a copy that runs ends when a request waits") {
  Models models;
  Log log;
  auto endless = test::endless_model(models.service);
  Scheduler scheduler({.workers = 1, .queue = 64}, models.metrics);
  test::PlanMaker maker;  // of the endless model's inputs
  auto x = maker.input("x", DType::f32, {2}), y = maker.like("y", x);
  maker.step("op:test:Twice", {x}, {y});
  maker.output("y", y);
  auto model = models.service.prepare(
      runtime::Model::load(maker.artifact().value(), test::rows, kernels::Cpu{}).value(), {"pair", "1", "", "", {}});
  auto pair = [&](const char* name) {
    return std::make_shared<Recorded>(log, name, Tensor::of<float>(DType::f32, {2}, {1, 2}));
  };
  auto request = pair("with a copy");
  request->shadow = endless;
  scheduler.submit(request, model);
  wait_until_none_pends(scheduler);
  scheduler.submit(pair("second"), model);
  wait_until_none_pends(scheduler);
  CHECK(log.ended == std::vector<std::string>{"with a copy: done", "second: done"});
}

namespace {

// As if it had answered so many requests in a microsecond each.
void answer_briefly(LoadedModel& model) {
  for (int i = 0; i < 100; ++i) model.note_time(std::chrono::microseconds(1));
}

}  // namespace

TEST_CASE("a brief request runs on the thread that submits it, and one that takes long to decode does not") {
  Models models;
  Log log;
  answer_briefly(*models.a);
  Scheduler scheduler({.workers = 1, .queue = 64}, models.metrics);
  auto brief = std::make_shared<Recorded>(log, "brief"), other = std::make_shared<Recorded>(log, "other");
  brief->brief = true;
  // The worker is free as soon as it has begun to wait.
  while (brief->decoded_on != std::this_thread::get_id()) {
    scheduler.submit(brief, models.a);
    wait_until_none_pends(scheduler);
  }
  scheduler.submit(other, models.a);
  wait_until_none_pends(scheduler);
  CHECK(other->decoded_on != std::this_thread::get_id());
}

TEST_CASE("a brief request waits for a worker like the others while all are busy") {
  Models models;
  Log log;
  answer_briefly(*models.b);
  gate.set(false);
  {
    Scheduler scheduler({.workers = 1, .queue = 64}, models.metrics);
    scheduler.submit(std::make_shared<Recorded>(log, "long"), models.a);
    auto brief = std::make_shared<Recorded>(log, "brief");
    brief->brief = true;
    scheduler.submit(brief, models.b);
    CHECK(scheduler.pending() == 2);  // it has not run here: the gate is closed
    gate.set(true);
  }
  CHECK(log.sent == 2);
}

TEST_CASE("a model is brief by the median of its times, unless a small request can take long") {
  Models models;
  auto endless = test::endless_model(models.service);
  CHECK_FALSE(models.a->runs_briefly());  // nothing is known yet
  answer_briefly(*models.a);
  answer_briefly(*endless);
  models.a->note_time(std::chrono::seconds(1));
  CHECK(models.a->runs_briefly());
  CHECK_FALSE(endless->runs_briefly());
  for (int i = 0; i < 100; ++i) models.a->note_time(std::chrono::milliseconds(1));
  CHECK_FALSE(models.a->runs_briefly());
}
