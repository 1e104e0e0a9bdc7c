// The limit of connections and which one closes, as a data structure without sockets.
#include "serve/http/connections.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace modelctl::serve;

namespace {

struct Recorded final : Connection {
  void close_if_idle() override { asked_idle = true; }
  void close_if_waiting() override { asked_waiting = true; }
  bool asked_idle = false, asked_waiting = false;
};

// A connection as the server keeps it.
struct Client {
  Connections& connections;
  std::shared_ptr<Recorded> connection = std::make_shared<Recorded>();
  Admission admission = connections.admit();
  Connections::Ticket ticket = 0;

  void wait() { ticket = connections.start_waiting(connection, admission); }
  void leave() { connections.leave(ticket, admission); }
};

}  // namespace

TEST_CASE("the connection that waits longest closes for a new one, and each only once") {
  Connections connections({.connections = 2, .reserve = 2});
  Client first{connections}, second{connections};
  first.wait();
  second.wait();
  Client third{connections};
  CHECK(third.admission == Admission::full);
  CHECK(first.connection->asked_waiting);
  CHECK_FALSE(second.connection->asked_waiting);
  Client fourth{connections};
  CHECK(second.connection->asked_waiting);
}

TEST_CASE("a connection that was asked to close but has a request keeps its place") {
  Connections connections({.connections = 1, .reserve = 1});
  Client first{connections};
  first.wait();
  Client second{connections};
  connections.stop_waiting(first.ticket);
  first.wait();
  second.wait();
  Client third{connections};
  CHECK(third.admission == Admission::full);
}

TEST_CASE("if every connection has a request, new ones go to the reserve, which closes its own") {
  Connections connections({.connections = 1, .reserve = 2});
  Client busy{connections}, first{connections}, second{connections};
  CHECK(busy.admission == Admission::full);
  CHECK(first.admission == Admission::reserve);
  CHECK(second.admission == Admission::reserve);
  CHECK(Client{connections}.admission == Admission::refused);  // nobody in the reserve waits
  first.wait();
  Client third{connections};
  CHECK(third.admission == Admission::reserve);
  CHECK(first.connection->asked_waiting);
}

TEST_CASE("connections that are slow to close have a bound of their own") {
  Connections connections({.connections = 2, .reserve = 1});
  std::vector<std::unique_ptr<Client>> clients;
  int admitted = 0;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<Client>(Client{connections}));
    if (clients.back()->admission == Admission::refused) continue;
    ++admitted;
    clients.back()->wait();
  }
  CHECK(admitted == 6);
}

TEST_CASE("a connection that is refused has one of the reserve close, so that the next attempt succeeds") {
  Connections connections({.connections = 1, .reserve = 1});
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(std::make_unique<Client>(Client{connections}));
  CHECK(clients[1]->admission == Admission::reserve);
  CHECK(clients[2]->admission == Admission::refused);
  clients[1]->wait();
  CHECK(Client{connections}.admission == Admission::reserve);  // in its place, which it has yet to leave
  Client slow{connections};
  CHECK(slow.admission == Admission::refused);
  clients[1]->wait();  // it was writing, and waits for its client again
  clients[1]->connection->asked_waiting = false;
  CHECK(Client{connections}.admission == Admission::refused);
  CHECK(clients[1]->connection->asked_waiting);
}

TEST_CASE("a burst of connections whose requests do not end leaves the reserve to others") {
  Connections connections({.connections = 2, .reserve = 1});
  std::vector<std::unique_ptr<Client>> clients;
  // Each waits when the next one comes, which asks it to close; its request has begun by then, so that it does not.
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<Client>(Client{connections}));
    if (clients.back()->admission == Admission::full) clients.back()->wait();
    if (i > 0) connections.stop_waiting(clients[static_cast<std::size_t>(i - 1)]->ticket);
    if (clients.back()->admission == Admission::reserve) clients.back()->leave();  // after a 503
  }
  CHECK(clients.back()->admission == Admission::reserve);
}

TEST_CASE("a drain asks those that wait, and ends with the last connection") {
  Connections connections({.connections = 4, .reserve = 1});
  Client waits{connections}, works{connections};
  waits.wait();
  connections.close_idle();
  CHECK(waits.connection->asked_idle);
  CHECK_FALSE(works.connection->asked_idle);
  waits.leave();
  works.leave();
  connections.wait_until_none();
}
