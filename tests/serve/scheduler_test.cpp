// Queues, fairness and completion, without a network: requests of the tests' own.
#include "serve/scheduler.hpp"

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
  Recorded(Log& log, std::string name) : PredictionRequest({}), log_(log), name_(std::move(name)) {}

  Result<std::vector<Tensor>> decode(const LoadedModel&) override {
    return std::vector{Tensor::of<float>(DType::f32, {1, 2}, {1, 2})};
  }
  void encode(const LoadedModel*, Result<std::vector<Tensor>> outputs) noexcept override {
    log_.add(name_ + ": " + (outputs ? "done" : outputs.error().code));
  }
  void send() noexcept override { ++log_.sent; }

 private:
  Log& log_;
  const std::string name_;
};

struct Models {
  test::Scratch scratch;
  Service service;
  std::shared_ptr<LoadedModel> a = test::twice_model(scratch, service), b = test::twice_model(scratch, service);
};

}  // namespace

TEST_CASE("a request beyond the queue of its version is refused at once, and other versions have places of their own") {
  Models models;
  Log log;
  gate.set(false);
  {
    Scheduler scheduler({.workers = 1, .queue = 1});
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
    Scheduler scheduler({.workers = 2, .queue = 64});
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
    Scheduler scheduler({.workers = 1, .queue = 64});
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
    Scheduler scheduler({.workers = 1, .queue = 64});
    scheduler.submit(std::make_shared<Recorded>(log, "last"), std::move(models.a));
    CHECK_FALSE(version.expired());
    gate.set(true);
  }
  CHECK(version.expired());
  CHECK(log.ended == std::vector<std::string>{"last: done"});
}
