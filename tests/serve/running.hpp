// A server in the test's process, on any free port.
#pragma once

#include "serve/models.hpp"
#include "serve/server.hpp"

namespace modelctl::test {

struct Running {
  Scratch scratch;
  serve::Service service;
  std::unique_ptr<serve::Server> server;

  explicit Running(serve::Settings settings = {}, bool load = true, serve::ModelControl* control = nullptr,
                   std::string admin_token = "")
      : service(on_any_port(settings)) {
    gate.set(true);
    service.set_control(control);
    if (!admin_token.empty()) use_admin_token(service, admin_token);
    auto started = serve::Server::start(service);
    REQUIRE(started);
    server = std::move(*started);
    if (load) REQUIRE(service.registry.publish(twice_model(scratch, service)));
  }
  static serve::Settings on_any_port(serve::Settings settings) {
    settings.listen = "127.0.0.1:0";
    return settings;
  }
  std::uint16_t port() const { return server->endpoint().port; }
};

}  // namespace modelctl::test
