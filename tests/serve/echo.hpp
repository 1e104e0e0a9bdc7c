// Models whose outputs are their inputs, of any types and shapes, for tests of what reads requests and writes
// responses.
#pragma once

#include "serve/running.hpp"
#include "support/http_client.hpp"

namespace modelctl::test {

inline Result<void> echo(const runtime::Call& call, runtime::Outputs& outputs) {
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const TensorView& x = call.input(i);
    copy_elements(x, TRY(outputs.allocate(i, x.type, x.dims)));
  }
  return {};
}
inline constexpr runtime::OpRun echo_row{"test", "Echo", echo};
inline constexpr const runtime::OpRun* echo_rows[] = {&echo_row};

struct EchoPort {
  const char* input;
  const char* output;
  DType type;
  std::initializer_list<PlanMaker::Size> dims;
};

// A server with one model, 'echo' version 1.
struct EchoServer : Running {
  EchoServer(std::initializer_list<EchoPort> ports, serve::Settings settings = {}, artifact::Metadata metadata = {})
      : Running(settings, false) {
    PlanMaker maker;
    maker.plan.metadata = std::move(metadata);
    std::vector<std::int32_t> inputs, outputs;
    for (const EchoPort& port : ports) {
      inputs.push_back(maker.input(port.input, port.type, port.dims));
      outputs.push_back(maker.like(port.output, inputs.back()));
    }
    maker.step("op:test:Echo", inputs, outputs);
    std::size_t next = 0;
    for (const EchoPort& port : ports) maker.output(port.output, outputs[next++]);
    auto model = runtime::Model::load(maker.artifact().value(), echo_rows, kernels::Cpu{});
    REQUIRE(model);
    REQUIRE(service.registry.publish(service.prepare(*model, {"echo", "1", "", "", {}})));
  }

  // The response to one request; `headers` are lines that end with CRLF.
  Answer request(std::string_view method, std::string_view path, std::string_view body = "",
                 std::string_view headers = "") const {
    HttpClient client(port());
    client.send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" + std::string(headers) +
                "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
    return client.receive();
  }
  Answer post(std::string_view path, std::string_view body, std::string_view headers = "") const {
    return request("POST", path, body, headers);
  }
};

}  // namespace modelctl::test
