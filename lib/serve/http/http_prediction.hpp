// The front end of HTTP: a prediction whose tensors a dialect decodes and encodes.
#pragma once

#include "serve/dialect.hpp"
#include "serve/formats/response_options.hpp"

namespace modelctl::serve {

class HttpPrediction final : public PredictionRequest {
 public:
  // The match's route predicts. `respond` gets the response, once.
  HttpPrediction(ClientRequest request, Match match, Service& service, Respond respond);

  Result<std::vector<Tensor>> decode(const LoadedModel& model) override;
  bool decodes_briefly() const override;
  void encode(const LoadedModel* model, Result<std::vector<Tensor>> outputs) noexcept override;
  void send() noexcept override;
  std::string_view header(const std::string& name) const override { return request_.header(name); }
  std::string_view client() const override { return request_.client; }

 private:
  ClientRequest request_;
  const ResponseOptions options_;
  const Match match_;
  Service& service_;
  const Respond respond_;
  DecodedRequest decoded_;
  ServerResponse response_;
};

}  // namespace modelctl::serve
