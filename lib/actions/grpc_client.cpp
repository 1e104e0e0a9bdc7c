// Methods are called by their names: no class is generated for a service (serve/grpc/method.hpp).
#include "actions/grpc_client.hpp"

#include "actions/protocol.hpp"
#include "actions/token_file.hpp"
#include "http/certificates.hpp"
#include "http/secrets.hpp"

#include <fmt/format.h>
#include <grpc/support/log.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <cmath>
#include <limits>

namespace modelctl::actions {
namespace {

constexpr std::string_view service = "/inference.GRPCInferenceService/";
constexpr auto stop_interval = std::chrono::milliseconds(100);  // how soon a stop is noticed

bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

grpc::ChannelArguments channel_arguments(const GrpcAddress& address) {
  grpc::ChannelArguments arguments;
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, address.authority);
  arguments.SetUserAgentPrefix("modelctl/" MODELCTL_VERSION);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, address.on_this_machine ? 0 : 1);
  // gRPC inflates a message before it looks at its size: a few kilobytes could take all memory.
  arguments.SetInt(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE);
  arguments.SetMaxReceiveMessageSize(std::numeric_limits<int>::max());
  arguments.SetServiceConfigJSON(fmt::format(R"({{"methodConfig": [{{"name": [{{}}], "maxResponseMessageBytes": {}}},
                      {{"name": [{{"service": "inference.GRPCInferenceService", "method": "ModelInfer"}}],
                        "maxResponseMessageBytes": {}}}]}})",
                                             description_limit, std::numeric_limits<int>::max()));
  return arguments;
}

std::string text_of(grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string text;
  if (!buffer.Dump(&slices).ok()) return text;
  text.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

// Nobody listens there: another target may be the right one.
bool refused(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAVAILABLE &&
         contains(status.error_message(), "Failed to connect to remote host");
}

// Without what gRPC says of every connection that fails.
std::string_view cause_of(std::string_view words) {
  std::size_t last = words.find("last error: "), status = words.find(": ", last);
  std::size_t cause = last == words.npos ? last : words.find(": ", status + 1);
  return cause == words.npos ? words : words.substr(cause + 2);
}

// What gRPC says when there is no connection, which it has no code of its own for.
Error no_connection(const GrpcAddress& address, std::string_view words) {
  const std::string& host = address.authority;
  if (contains(words, "DNS resolution failed") || contains(words, "omain name not found")) {
    return Error(Kind::unavailable, "unknown-host", fmt::format("cannot find the host '{}'", host))
        .help("check the name and the network");
  }
  if (contains(words, "certificate verify failed") || contains(words, "ostname Verification") ||
      contains(words, "is not in peer certificate")) {
    return Error(Kind::untrusted, "bad-certificate", fmt::format("cannot trust the certificate of '{}'", host))
        .help("if the server has a certificate authority of its own, name its certificate with --ca-file");
  }
  if (contains(words, "http1.x server") || contains(words, "missing selected ALPN")) {
    return Error(Kind::protocol, "not-grpc", fmt::format("'{}' does not speak gRPC but HTTP/1", address.shown))
        .help("give the port of gRPC, or leave out --protocol to ask by HTTP");
  }
  if (contains(words, "Ssl handshake failed") || contains(words, "SSL_ERROR")) {
    return Error(Kind::unavailable, "tls-failed", fmt::format("cannot use TLS with '{}'", host))
        .help("check that the server uses TLS on this port; grpc:// is without");
  }
  return Error(Kind::unavailable, "cannot-connect", fmt::format("cannot connect to '{}'", address.shown))
      .help("check that the server runs, that the port is that of gRPC, and whether it uses TLS (grpcs://)");
}

// The errors for what a server answers. A gateway without gRPC answers in HTTP, for which gRPC has words.
// `known`: it has answered a call of the protocol before.
Error refusal(const grpc::Status& status, const GrpcAddress& address, bool with_token, bool known, std::string what) {
  const std::string words = status.error_message();
  if (contains(words, "Received message larger than max"))
    return Error(Kind::unsupported, "message-too-large", what + ": a message is larger than who receives it allows");
  switch (status.error_code()) {
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Error(Kind::retry_later, "timed-out", fmt::format("'{}' takes too long to respond", address.shown));
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::RESOURCE_EXHAUSTED: return Error(Kind::retry_later, "server-busy", what);
    case grpc::StatusCode::UNAUTHENTICATED:
      if (with_token) return Error(Kind::denied, "token-refused", what + ": the server refuses the token");
      return Error(Kind::denied, "no-token", what + ": the server asks for a token").help("pass --token-file");
    case grpc::StatusCode::PERMISSION_DENIED: return Error(Kind::denied, "permission-denied", what);
    case grpc::StatusCode::INVALID_ARGUMENT: return Error(Kind::bad_input, "request-refused", what);
    case grpc::StatusCode::NOT_FOUND: return Error(Kind::not_found, "not-on-server", what);
    case grpc::StatusCode::UNIMPLEMENTED:
      if (known) return Error(Kind::unsupported, "not-implemented", what);
      return Error(Kind::unsupported, "no-inference-service",
                   fmt::format("no gRPC of the Open Inference Protocol at '{}'", address.shown));
    default:
      if (words.starts_with("Received http2 header"))
        return Error(Kind::protocol, "not-grpc", fmt::format("'{}' does not speak gRPC", address.shown));
      return Error(Kind::unavailable, "call-failed", what);
  }
}

}  // namespace

struct GrpcClient::State {
  GrpcAddress address;
  Host& host;
  std::string token;
  std::chrono::milliseconds timeout;
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  http::Secrets secrets;
  std::shared_ptr<grpc::Channel> channel;  // null until a target was connected to
  bool known = false;                      // a call succeeded

  // By the connection that there is, or by the first target that listens.
  grpc::Status send(const std::string& method, const grpc::ByteBuffer& request, grpc::ByteBuffer& response) {
    if (channel != nullptr) return send(channel, method, request, response);
    grpc::Status first;
    for (const std::string& target : address.targets) {
      auto next = grpc::CreateCustomChannel(target, credentials, channel_arguments(address));
      grpc::Status status = send(next, method, request, response);
      if (next->GetState(false) == GRPC_CHANNEL_READY) channel = next;
      if (!refused(status)) return status;
      if (first.ok()) first = status;
    }
    return first;
  }

  grpc::Status send(const std::shared_ptr<grpc::Channel>& to, const std::string& method,
                    const grpc::ByteBuffer& request, grpc::ByteBuffer& response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    grpc::CompletionQueue queue;
    grpc::GenericStub stub(to);
    auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
    call->StartCall();
    grpc::Status status;
    call->Finish(&response, &status, this);
    void* tag = nullptr;
    bool ok = false;
    while (queue.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + stop_interval) ==
           grpc::CompletionQueue::TIMEOUT) {
      if (host.stop.stopped()) context.TryCancel();  // which ends the call
    }
    queue.Shutdown();
    while (queue.Next(&tag, &ok)) {}
    return status;
  }
};

GrpcClient::GrpcClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
GrpcClient::GrpcClient(GrpcClient&&) noexcept = default;
GrpcClient::~GrpcClient() = default;

Result<GrpcClient> GrpcClient::open(const GrpcAddress& address, const PredictRequest& request, Host& host) {
  if (!address.tls && !address.on_this_machine && !request.remote.plain_http) {
    return Error(Kind::denied, "plain-http", fmt::format("will not use gRPC without TLS with '{}'", address.authority))
        .at(address.shown)
        .because("everybody on the way can read and alter it")
        .help("use grpcs://, or allow it with --plain-http");
  }
  gpr_set_log_function([](gpr_log_func_args*) {});  // errors say what is to be said
  auto timeout = std::chrono::milliseconds(std::llround(request.timeout_seconds * 1000));
  auto state = std::make_unique<State>(State{.address = address, .host = host, .timeout = timeout});
  if (!request.token_file.empty()) state->token = TRY(read_token(request.token_file));
  state->secrets.add(state->token);
  if (address.tls) {
    auto trusted = http::trusted_authorities(request.remote.ca_file, host.environment);
    state->credentials = grpc::SslCredentials({.pem_root_certs = TRY(http::read_certificates(trusted))});
  } else {
    state->credentials = grpc::InsecureChannelCredentials();
  }
  return GrpcClient(std::move(state));
}

std::string GrpcClient::place_of(std::string_view method) const {
  return fmt::format("{} {}", method, state_->address.shown);
}

Result<std::string> GrpcClient::call(std::string_view method, std::string_view message, std::string_view what) {
  State& state = *state_;
  grpc::Slice slice(message.data(), message.size(), grpc::Slice::STATIC_SLICE);
  const grpc::ByteBuffer request(&slice, 1);
  grpc::ByteBuffer response;
  grpc::Status status = state.send(fmt::format("{}{}", service, method), request, response);
  if (state.host.stop.stopped()) return Error(Kind::interrupted, "interrupted", "interrupted");
  if (status.ok()) {
    state.known = true;
    return text_of(response);
  }
  bool unreachable = state.channel == nullptr && status.error_code() == grpc::StatusCode::UNAVAILABLE;
  Error error = unreachable
                    ? no_connection(state.address, status.error_message())
                    : refusal(status, state.address, !state.token.empty(), state.known, fmt::format("cannot {}", what));
  error.where = place_of(method);
  std::string words = state.secrets.quote(cause_of(status.error_message()));
  bool own = unreachable || error.code == "timed-out" || error.code == "not-grpc";  // gRPC's words, not the server's
  if (!words.empty()) error.why.push_back(own ? words : fmt::format("the server says: {}", words));
  return state.secrets.without(std::move(error));
}

}  // namespace modelctl::actions
