// What HTTP itself offers for every route: codings of content, limits of what a body becomes, and the sharing with
// pages of other sites.
#include "base/digest.hpp"
#include "serve/dialect.hpp"
#include "serve/echo.hpp"
#include "serve/formats/media_types.hpp"
#include "serve/http/content_coding.hpp"
#include "serve/http/cors.hpp"

using namespace modelctl;
using namespace modelctl::serve;
using test::EchoServer;

namespace {

EchoServer row_server(Settings settings = {}) { return {{{"x", "y", DType::f32, {"n", 2}}}, settings}; }

// A request of two thousand rows, whose response is worth a coding.
std::string long_body() {
  std::string body = R"({"data": [[1, 2])";
  for (int i = 0; i < 2000; ++i) body += ", [1, 2]";
  return body + "]}";
}

std::string coded(std::string text, const char* coding) {
  ServerResponse response;
  response.body = std::move(text);
  encode_content(response, coding);
  REQUIRE(response.headers.size() == 2);
  return response.body;
}

std::string decoded(std::string text, const char* coding) {
  ClientRequest request;
  request.body = std::move(text);
  request.headers["content-encoding"] = coding;
  REQUIRE(decode_content(request, {}));
  return request.body;
}

}  // namespace

TEST_CASE("requests and responses are coded both ways, by every coding") {
  EchoServer server = row_server();
  std::string plain = server.post("/predict", long_body()).body;
  REQUIRE(plain.size() > 4096);
  for (const char* coding : {"gzip", "deflate", "zstd"}) {
    CAPTURE(coding);
    auto answer = server.post("/predict", coded(long_body(), coding),
                              std::string("Content-Encoding: ") + coding + "\r\nAccept-Encoding: " + coding + "\r\n");
    CHECK(answer.status == 200);
    CHECK(answer.headers.find(std::string("Content-Encoding: ") + coding + "\r\n") != std::string::npos);
    CHECK(answer.headers.find("Vary: Accept-Encoding\r\n") != std::string::npos);
    CHECK(answer.body.size() < plain.size() / 10);
    CHECK(decoded(answer.body, coding) == plain);
  }
}

TEST_CASE("a body of zstd may have any size") {
  EchoServer server = row_server();
  for (std::size_t size : {65535, 65536, 65537, 131072, 262144}) {
    std::string body = long_body();
    body.resize(std::max(size, body.size()), ' ');
    CHECK(server.post("/predict", coded(body, "zstd"), "Content-Encoding: zstd\r\n").status == 200);
  }
}

TEST_CASE("a response has the coding that its client prefers, or none") {
  EchoServer server = row_server();
  auto coding = [&](std::string_view accept) {
    auto headers = server.post("/predict", long_body(), "Accept-Encoding: " + std::string(accept) + "\r\n").headers;
    std::size_t at = headers.find("Content-Encoding: ");
    return at == std::string::npos ? std::string() : headers.substr(at + 18, headers.find('\r', at) - at - 18);
  };
  CHECK(coding("gzip, deflate, br, zstd") == "zstd");
  CHECK(coding("gzip;q=1.0, zstd;q=0.5") == "gzip");
  CHECK(coding("*;q=0.1, zstd;q=0") == "gzip");
  CHECK(coding("br") == "");
  CHECK(coding("identity") == "");
  CHECK(coding("gzip;q=0") == "");
  auto small = server.post("/predict", R"({"data": [[1, 2]]})", "Accept-Encoding: gzip\r\n");
  CHECK(small.headers.find("Content-Encoding") == std::string::npos);
}

TEST_CASE("a coding that is not supported is a 415 that lists those that are") {
  EchoServer server = row_server();
  for (const char* coding : {"br", "gzip, zstd", "compress"}) {
    CAPTURE(coding);
    auto answer = server.post("/predict", "x", std::string("Content-Encoding: ") + coding + "\r\n");
    CHECK(answer.status == 415);
    CHECK(answer.headers.find("Accept-Encoding: zstd, gzip, deflate\r\n") != std::string::npos);
  }
}

TEST_CASE("a body with two codings is a 415, in one header field or in two") {
  EchoServer server = row_server();
  CHECK(server.post("/predict", "x", "Content-Encoding: gzip\r\nContent-Encoding: gzip\r\n").status == 415);
  CHECK(server.post("/predict", "x", "Content-Encoding: gzip, gzip\r\n").status == 415);
}

TEST_CASE("a body that is not of its coding, or cut off, is a 400") {
  EchoServer server = row_server();
  for (const char* coding : {"gzip", "deflate", "zstd"}) {
    CAPTURE(coding);
    std::string header = std::string("Content-Encoding: ") + coding + "\r\n", body = coded(long_body(), coding);
    CHECK(server.post("/predict", "nonsense", header).status == 400);
    CHECK(server.post("/predict", "", header).status == 400);
    CHECK(server.post("/predict", body.substr(0, body.size() / 2), header).status == 400);
    CHECK(server.post("/predict", body + "nonsense", header).status == 400);
    CHECK(server.post("/predict", body, header).status == 200);
  }
}

TEST_CASE("what few bytes become has the limits of a body") {
  Settings settings;
  settings.max_body = 1 << 20;
  settings.max_buffered = 1 << 20;
  EchoServer server = row_server(settings);
  for (const char* coding : {"gzip", "deflate", "zstd"}) {
    CAPTURE(coding);
    std::string header = std::string("Content-Encoding: ") + coding + "\r\n";
    CHECK(server.post("/predict", coded(std::string(8 << 20, ' '), coding), header).status == 413);
    // Within --max-body, but more than another body leaves. Either of the two may be the one that is refused.
    int status = 0;
    for (int tries = 0; tries < 1000 && status != 503; ++tries) {
      test::HttpClient other(server.port());
      other.send("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n" + std::string(900'000, ' '));
      status = server.post("/predict", coded(std::string(900'000, ' '), coding), header).status;
    }
    CHECK(status == 503);
  }
}

TEST_CASE("metrics and other answers are coded, too") {
  EchoServer server = row_server();
  auto answer = server.request("GET", "/metrics", "", "Accept-Encoding: gzip\r\n");
  CHECK(decoded(answer.body, "gzip").find("modelctl_ready") != std::string::npos);
}

TEST_CASE("no page of another site may use the server unless it is named") {
  EchoServer closed = row_server();
  std::string origin = "Origin: https://example.com\r\n";
  CHECK(closed.request("GET", "/livez", "", origin).headers.find("Access-Control") == std::string::npos);
  CHECK(closed.request("OPTIONS", "/predict", "", origin + "Access-Control-Request-Method: POST\r\n").status == 405);

  Settings settings;
  settings.cors_origins = "https://example.com, https://other.example";
  EchoServer open = row_server(settings);
  CHECK(open.request("GET", "/livez", "", "Origin: https://evil.example\r\n").headers.find("Access-Control") ==
        std::string::npos);
  for (auto answer : {open.request("GET", "/livez", "", origin), open.post("/predict", R"({"data": [[1, 2]]})", origin),
                      open.post("/predict", "?", origin), open.request("GET", "/nothing", "", origin)}) {
    CHECK(answer.headers.find("Access-Control-Allow-Origin: https://example.com\r\n") != std::string::npos);
    CHECK(answer.headers.find("Vary: Origin\r\n") != std::string::npos);
  }
}

TEST_CASE("a browser that asks first hears which methods and headers it may send") {
  Settings settings;
  settings.cors_origins = "*";
  EchoServer server = row_server(settings);
  auto answer = server.request("OPTIONS", "/predict", "",
                               "Origin: https://example.com\r\nAccess-Control-Request-Method: POST\r\n"
                               "Access-Control-Request-Headers: content-type\r\n");
  CHECK(answer.status == 204);
  CHECK(answer.headers.find("Access-Control-Allow-Origin: *\r\n") != std::string::npos);
  CHECK(answer.headers.find("Access-Control-Allow-Methods: POST\r\n") != std::string::npos);
  CHECK(answer.headers.find("Access-Control-Allow-Headers: content-type\r\n") != std::string::npos);
  CHECK(answer.headers.find("\nContent-Length") == std::string::npos);
  CHECK(
      server
          .request("OPTIONS", "/nothing", "", "Origin: https://example.com\r\nAccess-Control-Request-Method: POST\r\n")
          .status == 404);
}

TEST_CASE("a list of alternatives weighs the closest mention of a value") {
  CHECK(quality_of("text/csv", "text/csv") == 1.0);
  CHECK(quality_of("TEXT/CSV;q=0.5", "text/csv") == 0.5);
  CHECK(quality_of("*/*;q=0.1, text/*;q=0.2, text/csv;q=0.3", "text/csv") == 0.3);
  CHECK(quality_of("*/*;q=0.1, text/*;q=0.2", "text/csv") == 0.2);
  CHECK(quality_of("text/csv;header=present;q=0", "text/csv") == 0.0);
  CHECK_FALSE(quality_of("text/html", "text/csv").has_value());
  CHECK_FALSE(quality_of("", "text/csv").has_value());
}

namespace {

// A black image of 1000 x 1000 pixels in 202 bytes of PNG, as a part of a form.
std::string image_part(const std::string& name) {
  auto file = from_base64(
      "iVBORw0KGgoAAAANSUhEUgAAA+gAAAPoAQAAAABl2OlJAAAAkUlEQVR42u3BMQEAAADCoPVPbQo/oAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
      "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
      "AAAAAAAAAAAAAAAAAAAAAAAAvgbsPwABNAyb4wAAAABJRU5ErkJggg==");
  REQUIRE(file);
  return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"; filename=\"x.png\"\r\n\r\n" +
         std::string(as_text(*file)) + "\r\n";
}

constexpr const char* as_form = "Content-Type: multipart/form-data; boundary=b\r\nAccept: application/x-npz\r\n";

}  // namespace

TEST_CASE("decoded images have the limits of a body, each and together") {
  Settings settings;
  settings.max_body = 3'000'000;
  settings.max_buffered = 5'000'000;
  EchoServer one({{"a", "y", DType::u8, {"h", "w", 3}}}, settings);
  EchoServer two({{"a", "y", DType::u8, {"h", "w", 3}}, {"b", "z", DType::u8, {"h", "w", 3}}}, settings);
  CHECK(one.post("/predict", image_part("a") + "--b--", as_form).status == 200);
  auto refused = two.post("/predict", image_part("a") + image_part("b") + "--b--", as_form);
  CHECK(refused.status == 503);
  CHECK(refused.body.find("the memory for bodies") != std::string::npos);
  CHECK(one.service.memory.taken() == 0);
  settings.max_body = 2'999'999;
  EchoServer small({{"a", "y", DType::u8, {"h", "w", 3}}}, settings);
  CHECK(small.post("/predict", image_part("a") + "--b--", as_form).status == 400);
}

TEST_CASE("no file of a form is decoded for a request that nobody waits for") {
  EchoServer server({{"a", "y", DType::u8, {"h", "w", 3}}});
  auto model = server.service.select({});
  REQUIRE(model);
  ClientRequest request;
  request.headers["content-type"] = "multipart/form-data; boundary=b";
  request.body = image_part("a") + "--b--";
  StopToken stop;
  RequestContext context{request, {}, server.service, &stop};
  CHECK(read_files(context, **model));
  stop.stop();
  auto stopped = read_files(context, **model);
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().kind == Kind::interrupted);
}
