// The plain dialect: POST /predict with the inputs in whatever form a client has them: JSON by name, by position or as
// rows of named features, CSV, NumPy's files, an image, a form with files. The response is {"prediction": …}, or a file
// of the type that 'Accept' asks for. A server of several models has the second route for each of them. It is what
// small Flask and FastAPI services look like, so that a client of one of those needs a new address only.
#include "serve/dialect.hpp"
#include "serve/formats/json_outputs.hpp"
#include "serve/formats/media_types.hpp"

namespace modelctl::serve {
namespace {

constexpr FormKey keys[] = {{"data", JsonForm::columns},
                            {"instances", JsonForm::rows},
                            {"inputs", JsonForm::columns},
                            {"features", JsonForm::features}};

Result<DecodedRequest> decode(const RequestContext& context, const LoadedModel& model) {
  DecodedRequest decoded;
  decoded.format = TRY(accepted_format(context.request.header("accept"), model));
  if (auto files = TRY(read_files(context, model))) decoded.inputs = std::move(*files);
  else decoded.inputs = TRY(read_json_inputs(context.request.body, keys, model, Bare::allowed)).tensors;
  return decoded;
}

Result<ServerResponse> encode(const DecodedRequest& request, const LoadedModel& model,
                              std::span<const Tensor> outputs) {
  if (request.format != nullptr) return write_body(*request.format, model, outputs);
  JsonWriter body(model.settings());
  body.raw("{\"prediction\":");
  write_columns(body, model, outputs);
  body.raw("}\n");
  ServerResponse response;
  response.body = TRY(body.done());
  return response;
}

void describe(RouteDescription& route, const LoadedModel* model) {
  const artifact::Signature& signature = model->signature();
  route.summary = "Predictions, from and to whatever form a client has";
  std::string data = schema::any_of({schema::object({{"data", schema::columns(signature.inputs)}}),
                                     schema::object({{"instances", schema::rows(signature.inputs)}}),
                                     schema::object({{"features", schema::row_objects(signature.inputs)}})});
  route.request = described_files(*model, Direction::read);
  route.request.insert(route.request.begin(), {"application/json", std::move(data)});
  route.response = described_files(*model, Direction::write);
  route.response.insert(route.response.begin(),
                        {"application/json", schema::object({{"prediction", schema::columns(signature.outputs)}})});
}

constexpr Route routes[] = {
    {.method = "POST", .pattern = "/predict", .decode = decode, .encode = encode, .describe = describe},
    {.method = "POST", .pattern = "/models/{model}/predict", .decode = decode, .encode = encode, .describe = describe},
    {.method = "POST",
     .pattern = "/models/{model}/versions/{version}/predict",
     .decode = decode,
     .encode = encode,
     .describe = describe},
};
constexpr DialectDef defs[] = {{"predict", routes}};

}  // namespace

std::span<const DialectDef> predict_dialect() { return defs; }

}  // namespace modelctl::serve
