// The body is dropped as soon as it is decoded: the tensors replace it, in the memory for bodies, too, and a large
// request does not hold both while it waits and runs.
#include "serve/http/http_prediction.hpp"

#include "serve/guarded.hpp"
#include "serve/http/body_memory.hpp"
#include "serve/http/content_coding.hpp"

#include <charconv>

namespace modelctl::serve {
namespace {

// Nobody waits for the answer any more.
class NotAwaited final : public Interrupt {
 public:
  explicit NotAwaited(const PredictionRequest& request) : request_(request) {}
  bool requested() const override {
    return request_.cancelled.stopped() || std::chrono::steady_clock::now() >= request_.deadline;
  }

 private:
  const PredictionRequest& request_;
};

std::uint64_t bytes_of(const std::vector<Tensor>& tensors) {
  std::uint64_t bytes = 0;
  for (const Tensor& tensor : tensors) bytes += tensor.present() ? held_bytes(tensor.view()) : 0;
  return bytes;
}

}  // namespace

HttpPrediction::HttpPrediction(ClientRequest request, Match match, Service& service, Respond respond)
    : PredictionRequest(RequestContext{request, match.parameters, service}.selector()),
      request_(std::move(request)),
      options_(request_, service.settings()),
      match_(std::move(match)),
      service_(service),
      respond_(std::move(respond)) {}

Result<std::vector<Tensor>> HttpPrediction::decode(const LoadedModel& model) {
  TRY(decode_content(request_, service_.settings()));
  NotAwaited stop(*this);
  decoded_ = TRY(match_.route->decode({request_, match_.parameters, service_, &stop}, model));
  TRY(hold(request_, bytes_of(decoded_.inputs)));
  request_ = {};
  return std::move(decoded_.inputs);
}

// JSON, or a head of JSON and the bytes of tensors after it. Files may be compressed: few bytes of one can be many.
bool HttpPrediction::decodes_briefly() const {
  constexpr std::size_t most_json = 16 * 1024, most = 128 * 1024;
  const std::string& body = request_.body;
  std::size_t begin = body.find_first_not_of(" \t\r\n"), json = body.size();
  if (begin == std::string::npos || (body[begin] != '{' && body[begin] != '[')) return false;
  std::string_view length = request_.header("inference-header-content-length");
  std::from_chars(length.data(), length.data() + length.size(), json);
  return json <= most_json && body.size() <= most && request_.header("content-encoding").empty();
}

void HttpPrediction::encode(const LoadedModel* model, Result<std::vector<Tensor>> outputs) noexcept {
  auto response = guarded([&]() -> Result<ServerResponse> {
    auto computed = TRY(std::move(outputs));
    auto encoded = TRY(match_.route->encode(decoded_, *model, computed));
    options_.compress(encoded);
    return encoded;
  });
  response_ = response ? std::move(*response) : error_response(response.error());
  options_.allow(response_);
  request_ = {};
  try {
    response_.served = served(model);
    service_.record(*this, model, response_.status, match_.dialect->name);
  } catch (...) {  // no memory to count with: the response matters more
  }
}

void HttpPrediction::send() noexcept { respond_(std::move(response_)); }

}  // namespace modelctl::serve
