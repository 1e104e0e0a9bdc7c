// HTTP as the dialects see it: plain requests and responses, without types of the library that transfers them.
#pragma once

#include "base/error.hpp"
#include "serve/memory_budget.hpp"
#include "serve/served.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::serve {

// What a handler is given, complete and within the limits. A repeated header keeps its first value; those for which
// that would be ambiguous are refused before.
struct ClientRequest {
  std::string method;                          // "GET"
  std::string path;                            // "/v2/models/digits/infer" as it was sent, without the query
  std::string query;                           // after '?', not decoded
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::string client;             // its address, without the port
  std::string token;              // the name of its token (tokens.hpp); empty: none
  bool trusted = false;           // it needs no token: it came by the unix socket for operators
  MemoryShare* memory = nullptr;  // the connection's, which counts the body; null: nobody counts

  std::string_view header(const std::string& name) const {
    auto found = headers.find(name);
    return found == headers.end() ? std::string_view() : found->second;
  }
};

// What a handler returns. The server adds Content-Length, Connection, Server and X-Request-Id.
struct ServerResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  Served served = {};  // for the access log
};

// What a client gets of an error: its message and reasons. The code, the place and the hint are for the operator and
// stay here. A message may quote what the caller sent, and has no more of it than helps.
std::string client_message(const Error& error);

// {"error": "..."}, with the status of the error's kind (base/kind.def) or one that HTTP itself has.
ServerResponse error_response(const Error& error);
ServerResponse error_response(int status, std::string_view message);

}  // namespace modelctl::serve
