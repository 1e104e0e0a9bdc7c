// The protocols of clients, each as its documentation writes requests, against models that return their inputs.
#include "base/files.hpp"
#include "base/json.hpp"
#include "serve/echo.hpp"
#include "tensor/formats.hpp"

using namespace modelctl;
using namespace modelctl::serve;
using test::EchoServer;

namespace {

// One input of four values per row.
EchoServer table(Settings settings = {}) { return {{{"x", "y", DType::f32, {"n", 4}}}, settings}; }

// A person: what pandas calls columns are inputs.
EchoServer people(Settings settings = {}) {
  return {{{"age", "age_out", DType::f32, {"n", 1}},
           {"city", "city_out", DType::string, {"n", 1}},
           {"id", "id_out", DType::i64, {"n"}}},
          settings};
}

std::string file_of(std::string_view extension, std::vector<formats::NamedTensor> tensors) {
  auto bytes = (*formats::format_of(extension))->write(tensors);
  REQUIRE(bytes);
  return std::string(as_text(*bytes));
}

bool has(const test::Answer& answer, std::string_view text) {
  return answer.headers.find(text) != std::string::npos || answer.body.find(text) != std::string::npos;
}

constexpr const char* person_outputs =
    R"([{"age_out":[31],"city_out":["Paris"],"id_out":7},{"age_out":[4.5],"city_out":["Rome"],"id_out":9}])";

}  // namespace

TEST_CASE("TensorFlow Serving's rows are answered in rows, and its columns in columns") {
  EchoServer server = people();
  auto rows = server.post("/v1/models/echo:predict",
                          R"({"signature_name": "serving_default", "instances": [
                              {"age": [31], "city": ["Paris"], "id": 7}, {"age": [4.5], "city": ["Rome"], "id": 9}]})");
  CHECK(rows.status == 200);
  CHECK(rows.body == std::string("{\"predictions\":") + person_outputs + "}\n");
  auto columns = server.post("/v1/models/echo/versions/1:predict",
                             R"({"inputs": {"age": [[31]], "city": [["Paris"]], "id": [7]}})");
  CHECK(columns.body == "{\"outputs\":{\"age_out\":[[31]],\"city_out\":[[\"Paris\"]],\"id_out\":[7]}}\n");
  auto labeled = server.post("/v1/models/echo/labels/stable:predict",
                             R"({"inputs": {"age": [[31]], "city": [["Paris"]], "id": [7]}})");
  CHECK(labeled.body == columns.body);
}

TEST_CASE("a model of one input takes rows and columns without its name") {
  EchoServer server = table();
  CHECK(server.post("/v1/models/echo:predict", R"({"instances": [[1, 2, 3, 4]]})").body ==
        "{\"predictions\":[[1,2,3,4]]}\n");
  CHECK(server.post("/v1/models/echo:predict", R"({"instances": [{"x": [1, 2, 3, 4]}]})").body ==
        "{\"predictions\":[[1,2,3,4]]}\n");
  CHECK(server.post("/v1/models/echo:predict", R"({"inputs": [[1, 2, 3, 4]]})").body == "{\"outputs\":[[1,2,3,4]]}\n");
  CHECK(server.post("/v1/models/echo:predict", R"({"instances": []})").body == "{\"predictions\":[]}\n");
}

TEST_CASE("bytes are base64 where TensorFlow Serving has them so") {
  EchoServer server({{"image", "image_bytes", DType::string, {"n"}}});
  auto answer = server.post("/v1/models/echo:predict", R"({"instances": [{"b64": "AAH/"}, {"b64": "aGk="}]})");
  CHECK(answer.body == R"({"predictions":[{"b64":"AAH/"},{"b64":"aGk="}]})"
                       "\n");
  CHECK(server.post("/v1/models/echo:predict", R"({"instances": [{"image": {"b64": "AAH/"}}]})").body ==
        R"({"predictions":[{"b64":"AAH/"}]})"
        "\n");
  for (const char* bad : {R"({"b64": "A"})", R"({"b64": "A A="})", R"({"b64": 1})", R"({"b64": "AAH/", "x": 1})"}) {
    CAPTURE(bad);
    CHECK(server.post("/v1/models/echo:predict", std::string("{\"instances\": [") + bad + "]}").status == 400);
  }
}

TEST_CASE("the status and metadata of a model are TensorFlow Serving's, and KServe's") {
  EchoServer server = table();
  CHECK(server.request("GET", "/v1/models").body == "{\"models\":[\"echo\"]}\n");
  std::string status =
      R"({"name":"echo","model_version_status":[{"version":"1","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}],"ready":true})"
      "\n";
  CHECK(server.request("GET", "/v1/models/echo").body == status);
  CHECK(server.request("GET", "/v1/models/echo/versions/1").body == status);
  CHECK(server.request("GET", "/v1/models/echo/labels/stable").body == status);
  CHECK(server.request("GET", "/v1/models/echo/versions/2").status == 404);
  CHECK(server.request("GET", "/v1/models/other").status == 404);
  auto metadata = server.request("GET", "/v1/models/echo/metadata");
  CHECK(has(
      metadata,
      R"("inputs":{"x":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[{"size":"-1","name":""},{"size":"4","name":""}],"unknown_rank":false},"name":"x"}})"));
}

TEST_CASE("classify and regress take examples by name, and refuse models that they do not fit") {
  EchoServer scores = table();
  CHECK(scores.post("/v1/models/echo:classify", R"({"examples": [{"a": 0.5, "b": 1, "c": 0, "d": 2}]})").body ==
        R"({"result":[[["0",0.5],["1",1],["2",0],["3",2]]]})"
        "\n");
  CHECK(scores.post("/v1/models/echo:regress", R"({"examples": [{"x": [1, 2, 3, 4]}]})").status == 400);
  EchoServer value({{"x", "y", DType::f32, {"n", 1}}});
  CHECK(value.post("/v1/models/echo:regress", R"({"examples": [{"x": 2.5}, {"x": -1}]})").body ==
        "{\"result\":[2.5,-1]}\n");
  CHECK(value.post("/v1/models/echo:regress", R"({"context": {"x": 1}, "examples": [{}]})").status == 400);
}

TEST_CASE("another signature than the only one is refused by name") {
  EchoServer server = table();
  auto answer = server.post("/v1/models/echo:predict", R"({"signature_name": "other", "instances": [[1, 2, 3, 4]]})");
  CHECK(answer.status == 400);
  CHECK(has(answer, "'other'"));
}

TEST_CASE("MLflow's four forms are the same request") {
  EchoServer server = people();
  for (const char* body : {
           R"({"dataframe_split": {"index": [0, 1], "columns": ["age", "city", "id"],
               "data": [[31, "Paris", 7], [4.5, "Rome", 9]]}})",
           R"({"dataframe_records": [{"age": 31, "city": "Paris", "id": 7}, {"id": 9, "city": "Rome", "age": 4.5}]})",
           R"({"instances": [{"age": 31, "city": "Paris", "id": 7}, {"age": 4.5, "city": "Rome", "id": 9}]})",
       }) {
    CAPTURE(body);
    CHECK(server.post("/invocations", body, "Content-Type: application/json\r\n").body ==
          std::string("{\"predictions\":") + person_outputs + "}\n");
  }
  CHECK(server.post("/invocations", R"({"inputs": {"age": [[31]], "city": [["Paris"]], "id": [7]}})").body ==
        "{\"predictions\":{\"age_out\":[[31]],\"city_out\":[[\"Paris\"]],\"id_out\":[7]}}\n");
  CHECK(server.post("/invocations", "age,city,id\n31,Paris,7\n4.5,Rome,9\n", "Content-Type: text/csv\r\n").body ==
        R"({"predictions":{"age_out":[[31],[4.5]],"city_out":[["Paris"],["Rome"]],"id_out":[7,9]}})"
        "\n");
  CHECK(server.request("GET", "/ping").status == 200);
  CHECK(server.request("GET", "/version").body == MODELCTL_VERSION);
}

TEST_CASE("columns that are not inputs are the values of the only input, in their order") {
  EchoServer server = table();
  CHECK(server.post("/invocations", R"({"dataframe_split": {"columns": ["a", "b", "c", "d"], "data": [[1, 2, 3, 4]]}})")
            .body == "{\"predictions\":[[1,2,3,4]]}\n");
  CHECK(server.post("/predict", R"({"features": {"a": 1, "b": 2, "c": 3, "d": 4}})").body ==
        "{\"prediction\":[[1,2,3,4]]}\n");
  CHECK(server.post("/predict", R"({"features": [{"a": 1, "b": 2, "c": 3, "d": 4}, {"d": 8, "c": 7, "b": 6, "a": 5}]})")
            .body == "{\"prediction\":[[1,2,3,4],[5,6,7,8]]}\n");
  CHECK(server.post("/invocations", "a,b,c,d\n1,2,3,4\n", "Content-Type: text/csv\r\n").body ==
        "{\"predictions\":[[1,2,3,4]]}\n");
  CHECK(server.post("/invocations", "1,2,3,4\n", "Content-Type: text/csv\r\nAccept: text/csv\r\n").body ==
        "1.0,2.0,3.0,4.0\n");
  auto refused = server.post("/predict", R"({"features": {"a": 1, "b": 2, "c": 3}})");
  CHECK(refused.status == 400);
  CHECK(refused.body.find("they are 3: 'a', 'b', 'c'") != std::string::npos);
}

TEST_CASE("/predict takes one row, and tables of pandas in any orientation, without a key around them") {
  EchoServer server = table();
  for (const char* body :
       {R"({"a": 1, "b": 2, "c": 3, "d": 4})", R"({"a": {"7": 1}, "b": {"7": 2}, "c": {"7": 3}, "d": {"7": 4}})",
        R"({"7": {"a": 1, "b": 2, "c": 3, "d": 4}})",
        R"({"columns": ["a", "b", "c", "d"], "index": [7], "data": [[1, 2, 3, 4]]})"}) {
    INFO(body);
    CHECK(server.post("/predict", body).body == "{\"prediction\":[[1,2,3,4]]}\n");
  }
  CHECK(server.post("/predict", R"({"a": {"7": 1}, "b": {"8": 2}})").status == 400);
}

TEST_CASE("SageMaker's content types and Accept decide the form of a request and its response") {
  EchoServer server = table();
  CHECK(server.post("/invocations", "[[1, 2, 3, 4]]", "Content-Type: application/json\r\nAccept: */*\r\n").body ==
        "{\"predictions\":[[1,2,3,4]]}\n");
  CHECK(server.post("/invocations", "[1, 2, 3, 4]\n[5, 6, 7, 8]\n", "Content-Type: application/jsonlines\r\n").body ==
        "{\"predictions\":[[1,2,3,4],[5,6,7,8]]}\n");
  Tensor x = Tensor::of<float>(DType::f32, {1, 4}, {1, 2, 3, 4});
  std::string npy = file_of("x.npy", {{"", x}});
  auto answer = server.post("/invocations", npy, "Content-Type: application/x-npy\r\nAccept: application/x-npy\r\n");
  CHECK(has(answer, "Content-Type: application/x-npy\r\n"));
  CHECK(answer.body == npy);
}

TEST_CASE("Azure's score takes a table or tensors, and returns them bare") {
  EchoServer server = table();
  CHECK(
      server
          .post("/score", R"({"input_data": {"columns": ["a", "b", "c", "d"], "index": [0], "data": [[1, 2, 3, 4]]}})")
          .body == "[[1,2,3,4]]\n");
  CHECK(server.post("/score", R"({"input_data": [[1, 2, 3, 4]]})").body == "[[1,2,3,4]]\n");
  CHECK(server.post("/score", R"({"data": [[1, 2, 3, 4]]})").body == "[[1,2,3,4]]\n");
}

TEST_CASE("the paths that Vertex AI chooses come before all others") {
  Settings settings;
  settings.predict_route = "/predict";
  settings.health_route = "/v1/endpoints/1/deployedModels/2";
  EchoServer server = table(settings);
  CHECK(server.post("/predict", R"({"instances": [[1, 2, 3, 4]], "parameters": {}})").body ==
        "{\"predictions\":[[1,2,3,4]]}\n");
  CHECK(server.request("GET", "/v1/endpoints/1/deployedModels/2").status == 200);
  CHECK(server.request("GET", "/predict").status == 405);
}

TEST_CASE("predict takes names, positions, rows and files") {
  EchoServer server = people();
  std::string outputs = R"({"prediction":{"age_out":[[31]],"city_out":[["Paris"]],"id_out":[7]}})"
                        "\n";
  CHECK(server.post("/predict", R"({"age": [[31]], "city": [["Paris"]], "id": [7]})").body == outputs);
  CHECK(server.post("/predict", R"({"age": 31, "city": "Paris", "id": 7})").body == outputs);
  CHECK(server.post("/predict", R"([{"age": 31, "city": "Paris", "id": 7}])").body == outputs);
  CHECK(server.post("/predict", R"({"features": {"age": 31, "city": "Paris", "id": 7}})").body == outputs);
  CHECK(server.post("/predict", "id,age,city\n7,31,Paris\n", "Content-Type: text/csv; charset=utf-8\r\n").body ==
        outputs);
  CHECK(server
            .post("/predict",
                  R"({"age": 31, "city": "Paris", "id": 7})"
                  "\n",
                  "Content-Type: application/x-ndjson\r\n")
            .body == outputs);
  Tensor age = Tensor::of<float>(DType::f32, {1, 1}, {31}), id = Tensor::of<std::int64_t>(DType::i64, {1}, {7});
  std::string npz = file_of("x.npz", {{"age", age}, {"city", Tensor::of_strings({1, 1}, {"Paris"})}, {"id", id}});
  CHECK(server.post("/predict", npz).body == outputs);  // known by its first bytes
  auto answer = server.post("/predict", npz, "Accept: application/x-npz\r\n");
  CHECK(has(answer, "Content-Type: application/x-npz\r\n"));
  CHECK(answer.body.starts_with("PK"));
}

TEST_CASE("an image is a body for a model that takes its pixels") {
  EchoServer server({{"image", "pixels", DType::u8, {"n", "h", "w", 3}}});
  std::string ppm = "P6\n2 1\n255\n";
  ppm += {'\1', '\2', '\3', '\4', '\5', '\6'};
  CHECK(server.post("/predict", ppm, "Content-Type: image/x-portable-pixmap\r\n").body ==
        "{\"prediction\":[[[[1,2,3],[4,5,6]]]]}\n");
  CHECK(server.post("/predict", ppm).body == "{\"prediction\":[[[[1,2,3],[4,5,6]]]]}\n");
  CHECK(server.post("/predict", "P6\n60000 60000\n255\n").status == 400);
}

TEST_CASE("what an archive becomes has the limit of a body") {
  std::string bomb =
      read_text_file(MODELCTL_SOURCE_DIR "/tests/fuzz/corpus/request_body/npz_bomb").value().substr(1);  // f32[2^20,4]
  Settings settings;
  settings.max_body = 1 << 20;
  auto answer = table(settings).post("/predict", bomb);
  CHECK(answer.status == 400);
  CHECK(has(answer, "unpack"));
  CHECK(table().post("/predict", bomb, "Accept: application/x-npy\r\n").status == 200);
}

TEST_CASE("a configured route replaces a built-in one in the description, too") {
  Settings settings;
  settings.health_route = "/ping";
  settings.predict_route = "/predict";
  EchoServer server({{"x", "y", DType::f32, {"n", 2}}}, settings);
  auto document = parse_json(server.request("GET", "/openapi.json").body, "the document");  // no key stands twice
  REQUIRE(document);
  CHECK((*document)["paths"]["/ping"]["get"]["tags"][0] == "vertex");
  CHECK((*document)["paths"]["/predict"]["post"]["tags"][0] == "vertex");
}

TEST_CASE("an Accept that no form fits is a 406 that lists them") {
  EchoServer server = people();
  auto answer = server.post("/predict", R"({"age": 31, "city": "Paris", "id": 7})", "Accept: text/csv\r\n");
  CHECK(answer.status == 406);  // three outputs are not one table
  CHECK(has(answer, "application/x-npz"));
  auto lines = server.post("/predict", R"({"age": 31, "city": "Paris", "id": 7})", "Accept: application/jsonlines\r\n");
  CHECK(lines.status == 406);  // they are only read
  CHECK(!has(lines, "jsonlines"));
  CHECK(server.post("/predict", R"({"age": 31, "city": "Paris", "id": 7})", "Accept: text/csv, */*;q=0.1\r\n").status ==
        200);
}

TEST_CASE("a cell of a table never names a file of the server") {
  EchoServer server({{"x", "y", DType::f32, {"n", 4}}, {"id", "id_out", DType::i64, {"n"}}});
  auto answer = server.post("/predict", "id,x\n1,/etc/hostname.npy\n", "Content-Type: text/csv\r\n");
  CHECK(answer.status == 400);
  CHECK(has(answer, "one value per row"));
}

TEST_CASE("rows that do not fit each other or the model are a 400 with the reason") {
  EchoServer server = people();
  auto reason = [&](std::string_view body) {
    auto answer = server.post("/invocations", body);
    CHECK(answer.status == 400);
    return answer.body;
  };
  CHECK(reason(R"({"dataframe_records": [{"age": 1, "city": "a", "id": 1}, {"age": 1, "id": 1}]})")
            .find("row 2 has other names") != std::string::npos);
  CHECK(reason(R"({"dataframe_split": {"columns": ["age", "city", "id"], "data": [[1, "a"]]}})")
            .find("the row has not 3 values") != std::string::npos);
  CHECK(reason(R"({"dataframe_split": {"columns": ["age", "age"], "data": []}})").find("twice") != std::string::npos);
  CHECK(reason(R"({"dataframe_split": {"columns": ["age"]}})").find("'data'") != std::string::npos);
  CHECK(reason(R"({"dataframe_records": [{"age": 1, "city": "a", "id": 1.5}]})").find("'id'") != std::string::npos);
  CHECK(reason(R"({"dataframe_records": [{"age": 1, "city": "a", "id": 1, "more": 2}]})").find("'more'") !=
        std::string::npos);
  CHECK(reason(R"({"instances": [], "inputs": []})").find("more than one of") != std::string::npos);
}

TEST_CASE("a table without rows has a response without rows") {
  EchoServer server({{"a", "a_out", DType::f32, {"n"}}, {"b", "b_out", DType::f32, {"n", 2}}});
  auto answer = server.post("/invocations", R"({"dataframe_records": []})");
  CHECK(answer.status == 200);
  CHECK(answer.body == "{\"predictions\":[]}\n");
  EchoServer fixed({{"a", "a_out", DType::f32, {3}}});
  CHECK(fixed.post("/invocations", R"({"dataframe_records": []})").status == 400);
}

TEST_CASE("integers beyond 2^53 and doubles keep their digits in every protocol") {
  EchoServer server(
      {{"i", "i_out", DType::i64, {"n"}}, {"u", "u_out", DType::u64, {"n"}}, {"d", "d_out", DType::f64, {"n"}}});
  std::string values =
      R"("i_out":[9223372036854775807,-9223372036854775808],"u_out":[18446744073709551615,9007199254740993],"d_out":[0.1,5e-324])";
  std::string inputs =
      R"({"i": [9223372036854775807, -9223372036854775808], "u": [18446744073709551615, 9007199254740993], "d": [0.1, 5e-324]})";
  CHECK(server.post("/v1/models/echo:predict", "{\"inputs\": " + inputs + "}").body ==
        "{\"outputs\":{" + values + "}}\n");
  CHECK(server.post("/predict", inputs).body == "{\"prediction\":{" + values + "}}\n");
  CHECK(server.post("/invocations", "{\"inputs\": " + inputs + "}").body == "{\"predictions\":{" + values + "}}\n");
}

TEST_CASE("scalars and tensors without elements are served") {
  EchoServer server({{"s", "s_out", DType::f32, {}}, {"e", "e_out", DType::f32, {"n", 0}}});
  CHECK(server.post("/predict", R"({"data": {"s": 1.5, "e": [[], []]}})").body ==
        "{\"prediction\":{\"s_out\":1.5,\"e_out\":[[],[]]}}\n");
  auto v2 = server.post("/v2/models/echo/infer",
                        R"({"inputs": [{"name": "s", "shape": [], "datatype": "FP32", "data": [1.5]},
                                       {"name": "e", "shape": [3, 0], "datatype": "FP32", "data": []}]})");
  CHECK(has(
      v2,
      R"({"name":"s_out","shape":[],"datatype":"FP32","data":[1.5]},{"name":"e_out","shape":[3,0],"datatype":"FP32","data":[]})"));
}

TEST_CASE("NaN and infinity have the form that the server is set to, in both directions") {
  auto answer = [](const char* form, std::string_view body) {
    Settings settings;
    settings.non_finite.text = form;
    auto given = table(settings).post("/predict", body);
    return std::to_string(given.status) + " " + given.body;
  };
  std::string strings = R"({"data": [["NaN", "Infinity", "-Infinity", 1]]})", nulls = R"({"data": [[null, 2, 3, 4]]})";
  CHECK(answer("strings", strings) == R"(200 {"prediction":[["NaN","Infinity","-Infinity",1]]})"
                                      "\n");
  CHECK(answer("strings", nulls).starts_with("400"));
  CHECK(answer("null", strings) == "200 {\"prediction\":[[null,null,null,1]]}\n");
  CHECK(answer("null", nulls) == "200 {\"prediction\":[[null,2,3,4]]}\n");
  CHECK(answer("reject", strings).starts_with("400"));
  CHECK(answer("reject", nulls).starts_with("400"));
}

TEST_CASE("a missing value is refused where there is no NaN") {
  Settings settings;
  settings.non_finite.text = "null";
  EchoServer server = people(settings);
  CHECK(server.post("/predict", R"({"age": null, "city": "Paris", "id": 7})").status == 200);
  CHECK(server.post("/predict", R"({"age": 1, "city": null, "id": 7})").status == 400);
  CHECK(server.post("/predict", R"({"age": 1, "city": "Paris", "id": null})").status == 400);
}

namespace {

// A model that takes image files, as one whose modelctl.yaml says so.
EchoServer images(Settings settings = {}) {
  artifact::Metadata metadata;
  set_meaning(metadata, artifact::Side::input, "image", {artifact::Content::image, "resized to 8x8"});
  set_meaning(metadata, artifact::Side::output, "label", {artifact::Content::label, "one of 10"});
  return {{{"image", "label", DType::string, {"n"}}}, settings, metadata};
}

// A body of multipart/form-data; each part is its headers, an empty line and its content.
std::string form(std::initializer_list<std::string> parts) {
  std::string body = "a preamble, which means nothing";
  for (const std::string& part : parts) body += "\r\n--the boundary\r\n" + part;
  return body + "\r\n--the boundary--\r\n";
}
constexpr const char* form_header = "Content-Type: multipart/form-data; boundary=\"the boundary\"\r\n";

std::string file_part(const std::string& name, const std::string& content) {
  return "Content-Disposition: form-data; name=\"" + name + "\"; filename=\"a;b.ppm\"\r\n\r\n" + content;
}

}  // namespace

TEST_CASE("an image file is a body for a model that decodes images itself") {
  EchoServer server = images();
  std::string ppm = "P6 1 1 255 abc";
  std::string prediction = "{\"prediction\":[\"P6 1 1 255 abc\"]}\n";
  CHECK(server.post("/predict", ppm, "Content-Type: image/x-portable-pixmap\r\n").body == prediction);
  CHECK(server.post("/predict", ppm, "Content-Type: application/octet-stream\r\n").body == prediction);
  CHECK(server.post("/invocations", ppm, "Content-Type: image/x-portable-pixmap\r\n").body ==
        "{\"predictions\":[\"P6 1 1 255 abc\"]}\n");
}

TEST_CASE("the files of a form are inputs") {
  std::string ppm = "P6 1 1 255 abc";
  EchoServer server = images();
  CHECK(server.post("/predict", form({file_part("file", ppm), file_part("file", ppm)}), form_header).body ==
        "{\"prediction\":[\"P6 1 1 255 abc\",\"P6 1 1 255 abc\"]}\n");
  EchoServer many = people();
  std::string parts = form({"content-disposition: form-data; name=age\r\n\r\n[[31]]",
                            file_part("city", "[[\"Paris\"]]"), file_part("id", "[7]")});
  auto answer = many.post("/predict", parts, form_header);
  CHECK(answer.body == "{\"prediction\":{\"age_out\":[[31]],\"city_out\":[[\"Paris\"]],\"id_out\":[7]}}\n");
}

TEST_CASE("a form that is broken off or is none is refused") {
  EchoServer server = images();
  std::string good = form({file_part("file", "P6 1 1 255 abc")});
  std::string no_end = good.substr(0, good.size() - 20), no_headers = form({"Content-Disposition: form-data"});
  std::string empty = form({}), encoded = form({"Content-Transfer-Encoding: base64\r\n" + file_part("file", "UDYK")});
  for (const std::string& bad : {no_end, no_headers, empty, encoded, std::string("--other--")}) {
    CAPTURE(bad);
    CHECK(server.post("/predict", bad, form_header).status == 400);
  }
  CHECK(server.post("/predict", good, "Content-Type: multipart/form-data\r\n").status == 400);
  CHECK(server.post("/predict", form({file_part("file", "")}), form_header).status == 400);
  EchoServer many = people();
  CHECK(has(many.post("/predict", form({file_part("town", "[[1]]")}), form_header), "town"));
}

TEST_CASE("the metadata say what an input is made from and what an output means") {
  EchoServer server = images();
  auto model = parse_json(server.request("GET", "/v2/models/echo").body, "");
  REQUIRE(model);
  CHECK((*model)["inputs"][0]["parameters"] == Json({{"content", "image"}, {"description", "resized to 8x8"}}));
  CHECK((*model)["outputs"][0]["parameters"] == Json({{"content", "label"}, {"description", "one of 10"}}));
  auto plain = parse_json(table().request("GET", "/v2/models/echo").body, "");
  REQUIRE(plain);
  CHECK(!(*plain)["inputs"][0].contains("parameters"));
}
