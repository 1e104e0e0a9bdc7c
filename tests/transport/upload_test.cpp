// Chunked uploads to registries that lose, repeat and refuse chunks.
#include "support.hpp"
#include "support/fake_registry.hpp"
#include "transport/oci_registry.hpp"

#include <doctest/doctest.h>

using namespace modelctl;
using namespace modelctl::transport;
using namespace modelctl::transport::test;
using modelctl::test::FakeRegistry;
using modelctl::test::ServedRequest;
using modelctl::test::ServedResponse;

namespace {

// One blob of 3 1/2 chunks on its way into a registry.
struct Way {
  FakeHost fake;
  FakeRegistry registry;
  std::string content = std::string(3500, 'x');
  Blob blob{"application/octet-stream", Sha256::of(as_bytes(content)), as_bytes(content), "weights"};
  std::uint64_t shown = 0;

  Result<void> go() {
    Context context{.host = fake.host, .chunk_size = 1000};
    http::Url origin = *http::Url::parse(registry.server().url("/"));
    RemoteClient client(context, origin, "a", "");
    origin.path = "/v2/a/blobs/uploads/";
    return upload_blob(client, origin, blob, [&](std::uint64_t sent) { shown = std::max(shown, sent); });
  }
  bool there() const { return registry.blobs.contains(blob.digest.text()); }
  // Answers the n-th PATCH.
  void fault_patch(int n, std::function<ServedResponse(const ServedRequest&)> answer) {
    auto count = std::make_shared<int>(0);
    registry.fault = [=](const ServedRequest& request) -> std::optional<ServedResponse> {
      if (request.method != "PATCH" || ++*count != n) return std::nullopt;
      return answer(request);
    };
  }
};

}  // namespace

TEST_CASE("a large blob goes in chunks, in order") {
  Way way;
  auto done = way.go();
  REQUIRE_MESSAGE(done, message_of(done));
  CHECK(way.there());
  CHECK(way.registry.count("PATCH") == 4);
  CHECK(way.shown == 3500);
}

TEST_CASE("a chunk whose connection broke resumes at the server's offset") {
  Way way;
  // The server has kept 300 bytes of the second chunk.
  way.fault_patch(2, [&](const ServedRequest& request) {
    way.registry.uploads.begin()->second += request.body.substr(0, 300);
    return ServedResponse{.status = 0};
  });
  auto done = way.go();
  REQUIRE_MESSAGE(done, message_of(done));
  CHECK(way.there());
  CHECK(way.registry.count("POST") == 1);
  bool resumed = false;
  for (const ServedRequest& request : way.registry.server().requests()) {
    resumed = resumed || request.header("content-range") == "1300-2299";
  }
  CHECK(resumed);
}

TEST_CASE("after 416 the server is asked for its offset") {
  Way way;
  way.fault_patch(3, [&](const ServedRequest&) { return ServedResponse{.status = 416}; });
  auto done = way.go();
  REQUIRE_MESSAGE(done, message_of(done));
  CHECK(way.there());
}

TEST_CASE("a server that took less than was sent is given the rest again") {
  Way way;
  way.fault_patch(1, [&](const ServedRequest& request) {
    std::string& text = way.registry.uploads.begin()->second;
    text += request.body.substr(0, 10);
    return ServedResponse{.status = 202, .headers = {{"Location", request.path}, {"Range", "0-9"}}};
  });
  auto done = way.go();
  REQUIRE_MESSAGE(done, message_of(done));
  CHECK(way.there());
}

TEST_CASE("an upload that the server lost starts again") {
  Way way;
  way.fault_patch(2, [&](const ServedRequest&) {
    way.registry.uploads.clear();
    return ServedResponse{.status = 0};
  });
  auto done = way.go();
  REQUIRE_MESSAGE(done, message_of(done));
  CHECK(way.there());
  CHECK(way.registry.count("POST") == 2);
}

TEST_CASE("if the server counts more than was sent, the upload starts again") {
  Way way;
  way.fault_patch(2, [&](const ServedRequest& request) {
    way.registry.uploads.begin()->second += request.body + "junk";
    return ServedResponse{.status = 202, .headers = {{"Location", request.path}, {"Range", "0-2003"}}};
  });
  auto done = way.go();
  REQUIRE_MESSAGE(done, message_of(done));
  CHECK(way.there());
  CHECK(way.registry.count("POST") == 2);
}

TEST_CASE("the error of a server that is permanently full contains its text") {
  Way way;
  way.registry.fault = [](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.method != "PATCH") return std::nullopt;
    return FakeRegistry::error(507, "UNKNOWN", "no space left");
  };
  auto failed = way.go();
  REQUIRE(!failed);
  CHECK(failed.error().kind == Kind::unavailable);
  CHECK(failed.error().what == "cannot push the blob " + way.blob.digest.text());
  CHECK(failed.error().why.back() == "the server says: UNKNOWN: no space left");
}

TEST_CASE("a refused chunk is not tried again") {
  Way way;
  way.registry.fault = [](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.method != "PATCH") return std::nullopt;
    return FakeRegistry::error(403, "DENIED", "quota");
  };
  auto failed = way.go();
  REQUIRE(!failed);
  CHECK(failed.error().kind == Kind::denied);
  CHECK(way.registry.count("PATCH") == 1);
}

TEST_CASE("a registry without an upload location is an error") {
  Way way;
  way.registry.fault = [](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.method != "POST") return std::nullopt;
    return ServedResponse{.status = 202};
  };
  auto failed = way.go();
  REQUIRE(!failed);
  CHECK(failed.error().kind == Kind::protocol);
  CHECK(failed.error().why.back() == "the registry does not say where to send the content");
}

TEST_CASE("a smallest chunk that the registry asks for is kept to") {
  Way way;
  way.registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.method != "POST") return std::nullopt;
    way.registry.uploads["least"] = "";
    return ServedResponse{.status = 202,
                          .headers = {{"Location", request.path + "least"}, {"OCI-Chunk-Min-Length", "3000"}}};
  };
  auto done = way.go();
  REQUIRE_MESSAGE(done, message_of(done));
  CHECK(way.registry.count("PATCH") == 2);
}

TEST_CASE("a registry that accepts chunks and keeps nothing of them is given up") {
  Way way;
  way.registry.fault = [](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.method != "PATCH") return std::nullopt;
    return ServedResponse{.status = 202, .headers = {{"Location", request.path}, {"Range", "0-0"}}};
  };
  auto failed = way.go();
  REQUIRE(!failed);
  CHECK(failed.error().code == "no-progress");
  CHECK(failed.error().kind == Kind::protocol);
  CHECK(way.registry.count("PATCH") <= 6);
}

TEST_CASE("a registry that keeps one byte of each chunk is given up") {
  Way way;
  std::size_t kept = 1;
  way.registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.method != "PATCH") return std::nullopt;
    return ServedResponse{.status = 202,
                          .headers = {{"Location", request.path}, {"Range", "0-" + std::to_string(kept++)}}};
  };
  auto failed = way.go();
  REQUIRE(!failed);
  CHECK(failed.error().code == "no-progress");
  CHECK(way.registry.count("PATCH") <= 20);
}

TEST_CASE("a registry that goes back and forth is given up") {
  Way way;
  int n = 0;
  way.registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.method != "PATCH") return std::nullopt;
    std::string last = ++n % 2 == 0 ? "0-99" : "0-899";
    return ServedResponse{.status = 202, .headers = {{"Location", request.path}, {"Range", last}}};
  };
  auto failed = way.go();
  REQUIRE(!failed);
  CHECK(failed.error().code == "no-progress");
}

TEST_CASE("201 in response to a chunk is accepted, and so is a response without a Location") {
  for (bool location : {true, false}) {
    Way way;
    way.registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
      if (request.method != "PATCH") return std::nullopt;
      std::string& text = way.registry.uploads.begin()->second;
      text += request.body;
      ServedResponse response{.status = 201, .headers = {{"Range", "0-" + std::to_string(text.size() - 1)}}};
      if (location) response.headers.emplace_back("Location", request.path);
      return response;
    };
    auto done = way.go();
    REQUIRE_MESSAGE(done, message_of(done));
    CHECK(way.there());
  }
}

TEST_CASE("a blob's PUT waits for as long as the registry requests, then the blob goes again") {
  Way way;
  int puts = 0;
  way.registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.method != "PUT" || ++puts > 2) return std::nullopt;
    return ServedResponse{.status = puts == 1 ? 429 : 503, .headers = {{"Retry-After", "11"}}};
  };
  auto done = way.go();
  REQUIRE_MESSAGE(done, message_of(done));
  CHECK(way.there());
  CHECK(way.fake.clock.slept == std::vector<std::chrono::milliseconds>(2, std::chrono::seconds(11)));
}

TEST_CASE("an upload that is lost again and again is given up") {
  Way way;
  way.registry.fault = [](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.method != "PATCH") return std::nullopt;
    return ServedResponse{.status = 404};
  };
  auto failed = way.go();
  REQUIRE(!failed);
  CHECK(failed.error().code == "upload-lost");
  CHECK(way.registry.count("POST") == 5);
}

TEST_CASE("an interrupted upload stops") {
  Way way;
  way.registry.fault = [&](const ServedRequest& request) -> std::optional<ServedResponse> {
    if (request.method == "PATCH") way.fake.stop.stop();
    return std::nullopt;
  };
  auto failed = way.go();
  REQUIRE(!failed);
  CHECK(failed.error().kind == Kind::interrupted);
  CHECK(!way.there());
}
