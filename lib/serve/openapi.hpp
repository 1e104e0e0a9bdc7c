// The description of all routes as an OpenAPI 3.1 document (spec.openapis.org), with the names and shapes of the models
// that are loaded. Each dialect describes its own routes (Route::describe); this puts them together.
#pragma once

#include "serve/models/loaded_model.hpp"
#include "serve/models/router.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace modelctl::serve {

class Service;

// A body of a request or a response. Schemas are JSON Schema 2020-12, as text; empty: any bytes of that type.
struct MediaSchema {
  std::string media_type, schema;
};

// What a route's dialect says of it.
struct RouteDescription {
  std::string summary;
  std::vector<MediaSchema> request;   // one of these; none: it takes no body
  std::vector<MediaSchema> response;  // of status 200; none: it has no body
};

// The document, of the models that are ready now. It is written once for a routing table, and read by the threads that
// move bytes: that of many models takes longer than a probe of the health should wait.
class OpenApi {
 public:
  Result<std::string> document(const Service& service);

 private:
  std::mutex mutex_;
  std::weak_ptr<const RoutingTable> table_;  // weak: a document must not keep versions alive
  Result<std::string> text_;
};

// Schemas for descriptions.
namespace schema {

using Members = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view text = R"({"type":"string"})";
inline constexpr std::string_view any = "{}";

std::string element(DType type);
std::string list(const std::string& items);
std::string constant(std::string_view value);
// The nested lists of a port, from a dimension on: from 1 on it is a row.
std::string nested(const artifact::Port& port, std::size_t from = 0);
// Of all members, those up to `required` must be there.
std::string object(const Members& members, std::size_t required);
inline std::string object(const Members& members) { return object(members, members.size()); }
std::string any_of(const std::vector<std::string>& schemas);

// The forms of serve/formats/json_inputs.hpp and serve/formats/json_outputs.hpp. Of one port its tensor, of several an
// object.
std::string columns(const std::vector<artifact::Port>& ports);
std::string rows(const std::vector<artifact::Port>& ports);
std::string row_objects(const std::vector<artifact::Port>& ports);
std::string split(const std::vector<artifact::Port>& ports);

}  // namespace schema

}  // namespace modelctl::serve
