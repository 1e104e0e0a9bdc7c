// Models in worker processes: the same answers, and no request is lost whatever becomes of the process.
#include "serve/isolation/isolated_executor.hpp"

#include "serve/isolation/sandbox.hpp"
#include "serve/models/sessions.hpp"
#include "serve/running.hpp"
#include "serve/worker/operators.hpp"
#include "support/http_client.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstring>
#include <functional>
#include <random>
#include <tuple>

using namespace modelctl;
using namespace modelctl::serve;
using test::PlanMaker;

namespace {

const WorkerProgram program{MODELCTL_TEST_WORKER, "__worker"};

// f32[n] -> f32[n]
std::shared_ptr<const runtime::Model> misbehaving() {
  PlanMaker maker;
  auto x = maker.input("x", DType::f32, {"n"}), y = maker.like("y", x);
  maker.step("op:test:Misbehave", {x}, {y});
  maker.output("y", y);
  maker.plan.signature.outputs[0].dims = maker.plan.signature.inputs[0].dims;  // so that requests may be batched
  auto model = runtime::Model::load(maker.artifact().value(), test::worker_rows, kernels::Cpu{});
  REQUIRE(model);
  return *model;
}

WorkerLimits limits() {
  return {.predictions = 2,
          .area_bytes = 1 << 20,
          .prediction_bytes = 1 << 30,
          .prediction_time = std::chrono::seconds(60),
          .grace = std::chrono::seconds(60)};
}

struct Isolated {
  Metrics metrics;
  std::shared_ptr<WorkerMonitor> monitor = std::make_shared<WorkerMonitor>(metrics);
  IsolatedExecutor executor;

  explicit Isolated(WorkerLimits given = limits()) : executor(misbehaving(), program, given, "m", "1", monitor) {}

  Result<std::vector<Tensor>> run(std::vector<float> values) {
    Dims dims{static_cast<std::int64_t>(values.size())};
    TensorView view{DType::f32, dims, values.data()};
    return executor.run({&view, 1}, {});
  }
  std::string failure(float first) {
    auto outputs = run({first, 1});
    return outputs ? "" : outputs.error().code;
  }
  // A run that is repeated until a process is there to the end of it, however long the machine takes.
  bool runs() {
    auto outputs = run({1, 2, 3});
    while (!outputs && lost_process(outputs.error())) {
      executor.await(std::chrono::steady_clock::now() + std::chrono::seconds(1));
      outputs = run({1, 2, 3});
    }
    return outputs && std::ranges::equal(outputs->at(0).as<float>(), std::vector<float>{2, 4, 6});
  }
  // Sends a signal that ends the process, and waits for the next one, however long the machine takes.
  void end(int signal) {
    const pid_t process = executor.process();
    ::kill(process, signal);
    for (pid_t now = process; now == process || now < 0; now = executor.process())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  // Why the process ended, once there is the next one.
  std::string reason() {
    executor.await(std::chrono::steady_clock::now() + std::chrono::minutes(1));
    for (const WorkerChange& change : monitor->take()) {
      if (!change.reason.empty()) return change.reason;
    }
    return "";
  }
};

// How a process ends that enters the sandbox and then does something.
int end_of(const std::function<int()>& body) {
  pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);  // doctest's handler is for the tests' own process
    if (!restrict_process(0) || !enter_sandbox(0)) ::_exit(100);
    ::_exit(body());
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("a model in a worker process computes what it computes in the process") {
  Isolated isolated;
  CHECK(isolated.runs());
  auto nothing = isolated.run({});
  REQUIRE(nothing);
  CHECK(nothing->at(0).dims() == Dims{0});
  CHECK(isolated.runs());
}

TEST_CASE("an error of the model comes from its worker process as it is") {
  Isolated isolated;
  const Tensor wrong = Tensor::scalar<std::int64_t>(DType::i64, 1);
  const TensorView view = wrong.view();
  auto outputs = isolated.executor.run({&view, 1}, {});
  REQUIRE_FALSE(outputs);
  auto threads = std::make_shared<runtime::ThreadPool>(1);
  auto in_the_process = Sessions(misbehaving(), {}, threads).run({&view, 1}, {});
  REQUIRE_FALSE(in_the_process);
  const Error &expected = in_the_process.error(), &error = outputs.error();
  CHECK(std::tie(error.kind, error.code, error.what, error.where, error.why, error.hint) ==
        std::tie(expected.kind, expected.code, expected.what, expected.where, expected.why, expected.hint));
  CHECK(isolated.runs());
}

TEST_CASE("inputs that are larger than the shared memory are refused") {
  Isolated isolated;
  auto outputs = isolated.run(std::vector<float>(1 << 19));
  REQUIRE_FALSE(outputs);
  CHECK(outputs.error().code == "request-too-large");
  CHECK(isolated.runs());
}

TEST_CASE("tensors of 64 MiB pass, again and again") {
  WorkerLimits given = limits();
  given.area_bytes = 65 << 20;
  Isolated isolated(given);
  std::vector<float> values(16 << 20);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  for (int round = 0; round < 3; ++round) {
    auto outputs = isolated.run(values);
    REQUIRE(outputs);
    auto y = outputs->at(0).as<float>();
    CHECK(std::ranges::equal(y, values, [](float twice, float value) { return twice == 2 * value; }));
  }
}

TEST_CASE("a worker process that crashes, ends or tries what is forbidden is started again") {
  Isolated isolated;
  for (auto [how, reason] :
       {std::pair(test::crash, "crashed"), {test::end_process, "exited"}, {test::open_socket, "forbidden-call"}}) {
    CAPTURE(reason);
    CHECK(isolated.failure(static_cast<float>(how)) == "worker-failed");
    CHECK(isolated.runs());
    CHECK(isolated.reason() == reason);
  }
}

TEST_CASE("the metrics report which versions have a worker process") {
  Metrics metrics;
  auto monitor = std::make_shared<WorkerMonitor>(metrics);
  auto up = [&](const std::string& value) {
    return metrics.text(false).find("modelctl_worker_up{model=\"m\",version=\"1\"} " + value) != std::string::npos;
  };
  auto start = [&] {
    auto executor = std::make_unique<IsolatedExecutor>(misbehaving(), program, limits(), "m", "1", monitor);
    const Tensor one = Tensor::of<float>(DType::f32, {1}, {1});
    const TensorView view = one.view();
    CHECK(executor->run({&view, 1}, {}));
    return executor;
  };
  auto first = start();
  CHECK(up("1"));
  auto second = start();  // the version is loaded again
  first.reset();
  CHECK(up("1"));
  second.reset();
  CHECK_FALSE(up(""));
}

TEST_CASE("a worker process that was killed or stopped is started again") {
  Isolated isolated;
  for (auto [signal, reason] : {std::pair(SIGKILL, "killed"), {SIGSTOP, "hung"}}) {
    CAPTURE(reason);
    CHECK(isolated.runs());
    isolated.end(signal);
    CHECK(isolated.runs());
    CHECK(isolated.reason() == reason);
  }
}

TEST_CASE("a prediction that does not end by itself is ended with its process") {
  WorkerLimits given = limits();
  given.prediction_time = given.grace = std::chrono::milliseconds(50);
  Isolated isolated(given);
  CHECK(isolated.failure(test::hang) == "worker-failed");
  CHECK(isolated.reason() == "hung");
}

TEST_CASE("a worker process cannot open files, and has its own limit of memory") {
  WorkerLimits given = limits();
  given.process_bytes = 256 << 20;
  Isolated isolated(given);
  auto opened = isolated.run({test::open_file});
  REQUIRE(opened);
  CHECK(opened->at(0).as<float>()[0] == -1);
  CHECK(isolated.failure(test::take_memory) == "out-of-memory");
  CHECK(isolated.runs());
  CHECK(isolated.reason() == "");
}

TEST_CASE("a program that is not a worker is an error, not a loop") {
  Metrics metrics;
  IsolatedExecutor executor(misbehaving(), {"/bin/false", ""}, limits(), "m", "1", nullptr);
  auto outputs = executor.run({}, {});
  REQUIRE_FALSE(outputs);
  CHECK(outputs.error().code == "worker-start");
}

TEST_CASE("pauses between starts double up to half a minute") {
  using std::chrono::milliseconds;
  CHECK(restart_delay(1) == milliseconds(0));
  CHECK(restart_delay(2) == milliseconds(100));
  CHECK(restart_delay(3) == milliseconds(200));
  CHECK(restart_delay(9) == milliseconds(12800));
  CHECK(restart_delay(1000) == milliseconds(30000));
}

#ifndef MODELCTL_SANITIZED  // sanitizers make system calls of their own
TEST_CASE("the sandbox ends a process that opens a socket, starts a program or maps code") {
  CHECK(end_of([] { return 7; }) == 7);
  CHECK(end_of([] { return ::open("/etc/passwd", O_RDONLY | O_CLOEXEC) == -1 && errno == EACCES ? 7 : 0; }) == 7);
  CHECK(end_of([] { return ::socket(AF_UNIX, SOCK_STREAM, 0); }) == -SIGSYS);
  CHECK(end_of([] { return ::execl("/bin/true", "true", nullptr); }) == -SIGSYS);
  CHECK(end_of([] { return ::fork(); }) == -SIGSYS);
  CHECK(end_of([] { return ::kill(::getppid(), SIGTERM); }) == -SIGSYS);
  auto map_code = [] { return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); };
  CHECK(end_of([&] { return map_code() == MAP_FAILED; }) == -SIGSYS);
  CHECK(end_of([]() -> int { std::abort(); }) == -SIGABRT);
}
#endif

TEST_CASE("tensors pass through shared memory as they are: strings, empty ones, scalars and absent ones") {
  auto memory = SharedMemory::create({1, 1 << 20});
  REQUIRE(memory);
  Slot slot = (*memory)->slot(0);
  const Tensor text = Tensor::of_strings({2}, {"a", std::string("\0b", 2)}), scalar = Tensor::scalar(DType::f64, 2.5),
               empty(DType::i8, {0, 3});
  const std::vector<TensorView> views{text.view(), scalar.view(), {}, empty.view()};
  REQUIRE(write_tensors(slot.request, views) > 0);
  auto inputs = read_inputs(slot.request, 4);
  REQUIRE(inputs);
  CHECK(inputs->views[0].as<std::string>()[1] == std::string("\0b", 2));
  CHECK(inputs->views[1].as<double>()[0] == 2.5);
  CHECK_FALSE(inputs->views[2].present());
  CHECK(inputs->views[3].dims[1] == 3);
  CHECK_FALSE(read_inputs(slot.request, 3));

  const std::vector<artifact::Port> ports{
      {"t", DType::string, {{-1, "n"}}}, {"s", DType::f64, {}}, {"e", DType::i8, {{-1, "n"}, {3, ""}}}};
  REQUIRE(write_tensors(slot.response, std::vector{text.view(), scalar.view(), empty.view()}) > 0);
  std::uint64_t used = 0;
  auto outputs = read_outputs(slot.response, ports, used);
  REQUIRE(outputs);
  CHECK(same(outputs->at(0), text));
  CHECK(same(outputs->at(1), scalar));
  CHECK(same(outputs->at(2), empty));
}

TEST_CASE("what a worker process writes is refused or a valid answer, whatever it is") {
  std::vector<std::byte> area(1 << 16);
  const std::vector<artifact::Port> ports{{"t", DType::string, {{-1, "n"}}}, {"y", DType::f32, {{-1, "n"}, {2, ""}}}};
  const Tensor text = Tensor::of_strings({2}, {"a", "bc"}), numbers(DType::f32, {3, 2});
  std::mt19937 random(1);
  std::size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    if (round % 2 == 0) REQUIRE(write_tensors(area, std::vector{text.view(), numbers.view()}) > 0);
    else write_error(area, Error(Kind::bad_input, "code", "what").because("why").because("more").help("help"));
    for (std::uint32_t changes = 1 + random() % 4; changes > 0; --changes)
      area[random() % 600] = static_cast<std::byte>(random() % 3 == 0 ? 255 : random());
    std::uint64_t used = 0;
    auto outputs = read_outputs(area, ports, used);
    if (!outputs) ++refused;
    else CHECK(outputs->at(1).dims().size() == 2);
  }
  CHECK(refused > 10'000);
}

namespace {

// An executor whose process is gone when the test says so.
struct Flaky final : Executor {
  std::atomic<int> losses{0};
  std::atomic<int> runs{0};
  std::atomic<bool> down{false}, loses_batches{false};
  Result<std::vector<Tensor>> run(std::span<const TensorView> inputs, const runtime::Session::RunLimits&) override {
    ++runs;
    if (losses-- > 0 || (loses_batches && inputs[0].dims[0] > 1)) return worker_failed();
    Tensor copy(inputs[0].type, Dims(inputs[0].dims.begin(), inputs[0].dims.end()));
    copy_elements(inputs[0], copy.mutable_view());
    return std::vector{copy};
  }
  std::string outage() const override { return down ? "its process is being restarted" : ""; }
};

// A server with versions 1 and 2 of a model.
struct TwoVersions : test::Running {
  Flaky *first = nullptr, *second = nullptr;
  explicit TwoVersions(const Settings& settings = {}) : Running(settings, false) {
    auto model = misbehaving();
    for (auto [version, flaky] : {std::pair("1", &first), {"2", &second}}) {
      auto executor = std::make_unique<Flaky>();
      *flaky = executor.get();
      REQUIRE(service.registry.publish(std::make_shared<LoadedModel>(model, ModelInfo{"m", version, "", "", {}},
                                                                     service.settings(), std::move(executor))));
    }
  }
  test::Answer ask(std::string_view path = "/v2/models/m/infer") const {
    test::HttpClient client(port());
    return client.post(path, R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[3]}]})");
  }
};

}  // namespace

TEST_CASE("a request whose process ended runs once more, in another version that is ready") {
  TwoVersions served;
  served.second->losses = 1;
  auto answer = served.ask();
  CHECK(answer.status == 200);
  CHECK(answer.body.find(R"("model_version":"1")") != std::string::npos);
  CHECK(served.second->runs == 1);
  CHECK(served.first->runs == 1);
  served.first->losses = served.second->losses = 1;
  answer = served.ask();
  CHECK(answer.status == 503);
  CHECK(answer.headers.find("Retry-After") != std::string::npos);
  CHECK(served.second->runs == 2);
  CHECK(served.first->runs == 2);
}

TEST_CASE("a request that names its version runs once more in the next process of that version") {
  TwoVersions served;
  const std::string named = "/v2/models/m/versions/2/infer";
  served.second->losses = 1;
  CHECK(served.ask(named).status == 200);
  CHECK(served.second->runs == 2);
  served.second->losses = 2;
  CHECK(served.ask(named).status == 503);
  CHECK(served.second->runs == 4);
  CHECK(served.first->runs == 0);
}

TEST_CASE("each request of a batch whose process ended runs once more, in another version") {
  Settings settings;
  settings.batch_max = 4;
  settings.batch_delay = 60;  // until there are four
  TwoVersions served(settings);
  auto four = [&] {
    std::atomic<int> first{0}, second{0};
    std::vector<std::thread> clients;
    for (int i = 0; i < 4; ++i) {
      clients.emplace_back([&] {
        const std::string body = served.ask().body;
        first += body.find(R"("model_version":"1")") != std::string::npos;
        second += body.find(R"("model_version":"2")") != std::string::npos;
      });
    }
    for (std::thread& client : clients) client.join();
    return std::pair(first.load(), second.load());
  };
  CHECK(four() == std::pair(0, 4));
  served.second->loses_batches = true;
  CHECK(four() == std::pair(4, 0));
}

TEST_CASE("while a version has no process the router selects another one, and a request that names it gets a 503") {
  TwoVersions served;
  served.second->down = true;
  served.service.registry.refresh();
  CHECK(served.ask().body.find(R"("model_version":"1")") != std::string::npos);
  auto named = served.ask("/v2/models/m/versions/2/infer");
  CHECK(named.status == 503);
  CHECK(named.headers.find("Retry-After") != std::string::npos);
  CHECK(served.service.ready());
  served.first->down = true;
  served.service.registry.refresh();
  CHECK_FALSE(served.service.ready());
  CHECK(served.ask().status == 503);
  served.second->down = false;
  served.service.registry.refresh();
  CHECK(served.ask("/v2/models/m/versions/2/infer").status == 200);
}

TEST_CASE("a worker process is killed again and again under load: every request has one answer, and it recovers") {
  Settings settings;
  settings.isolate = true;
  settings.workers = 2;
  settings.max_memory = 1 << 30;
  settings.listen = "127.0.0.1:0";
  Service service(settings, program);
  auto executor = std::make_unique<IsolatedExecutor>(misbehaving(), program, limits(), "m", "1", service.workers);
  const IsolatedExecutor& isolated = *executor;
  auto model = std::make_shared<LoadedModel>(misbehaving(), ModelInfo{"m", "1", "", "", {}}, service.settings(),
                                             std::move(executor));
  const Tensor warm = Tensor::of<float>(DType::f32, {1}, {1});
  REQUIRE(model->predict({&warm, 1}));
  REQUIRE(service.registry.publish(model));
  auto server = Server::start(service);
  REQUIRE(server);
  const std::uint16_t port = (*server)->endpoint().port;

  std::atomic<bool> stop{false};
  std::atomic<int> good{0}, later{0}, other{0};
  auto ask = [&](test::HttpClient& client, int number) {
    auto answer = client.post("/v2/models/m/infer", R"({"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[)" +
                                                        std::to_string(number) + "]}]}");
    bool right = answer.body.find("\"data\":[" + std::to_string(2 * number)) != std::string::npos;
    ++(answer.status == 200 && right ? good : answer.status == 503 ? later : other);
  };
  std::vector<std::thread> clients;
  for (int i = 0; i < 4; ++i) {
    clients.emplace_back([&, i] {
      test::HttpClient client(port);
      for (int number = 1000 * i; !stop; ++number) ask(client, number);
    });
  }
  for (int kills = 0; kills < 3;) {
    const int before = good;
    while (good < before + 20) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (pid_t process = isolated.process(); process > 0) {
      ::kill(process, SIGKILL);
      ++kills;
    }
  }
  const int before = good;
  while (good < before + 20) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  stop = true;
  for (std::thread& client : clients) client.join();
  CHECK(other == 0);
  CHECK(good >= 80);
  CHECK(service.metrics.text(false).find(
            R"(modelctl_worker_failures_total{model="m",version="1",reason="killed"} 3)") != std::string::npos);
}
