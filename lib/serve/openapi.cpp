// A path is described once for each model, with the model's name in it: what it takes differs from model to model. What
// names no model is described for the model if there is only one. Other parameters, such as a version, stay parameters.
#include "serve/openapi.hpp"

#include "serve/dialect.hpp"
#include "serve/formats/json_writer.hpp"

#include <fmt/format.h>

#include <set>

namespace modelctl::serve {
namespace schema {
namespace {

std::string json_text(std::string_view text) {
  return JsonWriter(text.size() * 6 + 16).string(text).done().value_or("\"\"");
}

}  // namespace

std::string element(DType type) {
  if (type == DType::string) return std::string(text);
  if (type == DType::boolean) return R"({"type":"boolean"})";
  if (is_integer(type)) return R"({"type":"integer"})";
  return R"({"$ref":"#/components/schemas/Float"})";
}

std::string list(const std::string& items) { return fmt::format(R"({{"type":"array","items":{}}})", items); }

std::string constant(std::string_view value) { return fmt::format(R"({{"const":{}}})", json_text(value)); }

std::string nested(const artifact::Port& port, std::size_t from) {
  if (port.any_rank()) return std::string(any);
  std::string schema = element(port.type);
  for (std::size_t i = port.dims.size(); i > from; --i) {
    std::int64_t size = port.dims[i - 1].size;
    std::string bounds = size < 0 ? "" : fmt::format(R"(,"minItems":{},"maxItems":{})", size, size);
    schema = fmt::format(R"({{"type":"array","items":{}{}}})", schema, bounds);
  }
  return schema;
}

std::string object(const Members& members, std::size_t required) {
  std::string properties, names;
  for (std::size_t i = 0; i < members.size(); ++i) {
    std::string name = json_text(members[i].first);
    properties += fmt::format("{}{}:{}", i == 0 ? "" : ",", name, members[i].second);
    if (i < required) names += (i == 0 ? "" : ",") + name;
  }
  if (required > 0) names = fmt::format(R"(,"required":[{}])", names);
  return fmt::format(R"({{"type":"object","properties":{{{}}}{}}})", properties, names);
}

std::string any_of(const std::vector<std::string>& schemas) {
  return fmt::format(R"({{"anyOf":[{}]}})", fmt::join(schemas, ","));
}

std::string columns(const std::vector<artifact::Port>& ports) {
  if (ports.size() == 1) return nested(ports[0]);
  Members members;
  for (const artifact::Port& port : ports) members.emplace_back(port.name, nested(port));
  return object(members);
}

std::string row_objects(const std::vector<artifact::Port>& ports) {
  Members members;
  for (const artifact::Port& port : ports) members.emplace_back(port.name, nested(port, 1));
  return list(object(members));
}

std::string rows(const std::vector<artifact::Port>& ports) {
  return ports.size() == 1 ? nested(ports[0]) : row_objects(ports);
}

std::string split(const std::vector<artifact::Port>&) {
  return object({{"columns", list(std::string(text))}, {"data", list(list("{}"))}});
}

}  // namespace schema

namespace {

// RFC 3986: in a path's segment, every byte that is not unreserved is escaped.
std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) out += c;
    else out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  if (std::size_t at = text.find(from); at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

class Document {
 public:
  Document(const Service& service, const RoutingTable& table)
      : service_(service), out_(service.settings().max_response) {
    for (const auto& [name, routes] : table) {
      if (auto model = find_version(routes, "stable")) models_.push_back(std::move(model));
    }
  }

  Result<std::string> write() {
    // A configured route comes before a pattern of the same path, as in match().
    for (bool configured : {true, false}) {
      for (const DialectDef* dialect : dialects()) {
        if (dialect->operators && !service_.settings().admin.empty()) continue;
        for (const Route& route : dialect->routes) {
          if ((route.configured != nullptr) == configured) add(*dialect, route);
        }
      }
    }
    out_.raw(R"({"openapi":"3.1.0","info":{"title":"modelctl","version":")" MODELCTL_VERSION R"("},"paths":{)");
    std::string_view separator = "";
    for (const auto& [path, operations] : paths_) {
      out_.raw(separator).string(path).raw(":{").raw(operations).raw("}");
      separator = ",";
    }
    out_.raw("},\"components\":{\"schemas\":{\"Float\":").raw(float_schema()).raw(",\"Error\":");
    out_.raw(schema::object({{"error", std::string(schema::text)}})).raw("},\"responses\":{\"Error\":");
    out_.raw(R"({"description":"What went wrong","content":{"application/json":)");
    out_.raw(R"({"schema":{"$ref":"#/components/schemas/Error"}}}}},)");
    out_.raw(R"("securitySchemes":{"token":{"type":"http","scheme":"bearer"}}}})").raw("\n");
    return out_.done();
  }

 private:
  std::string_view float_schema() const {
    switch (non_finite_form(service_.settings())) {
      case json::NonFiniteForm::null: return R"({"type":["number","null"]})";
      case json::NonFiniteForm::reject: return R"({"type":"number"})";
      case json::NonFiniteForm::strings: break;
    }
    return R"({"anyOf":[{"type":"number"},{"type":"string","enum":["NaN","Infinity","-Infinity"]}]})";
  }

  bool takes_token(Scope scope) const {
    return scope == Scope::admin || (scope != Scope::none && !service_.settings().tokens.empty());
  }

  void add(const DialectDef& dialect, const Route& route) {
    std::string path(route.pattern);
    if (route.configured != nullptr) path = service_.settings().*route.configured;
    if (path.empty() || route.describe == nullptr) return;
    if (path.find("{model}") != std::string::npos) {
      for (const auto& model : models_)
        add(dialect, route, replaced(path, "{model}", escaped(model->info().name)), model.get());
    } else if (!route.predicts()) {
      add(dialect, route, path, nullptr);
    } else if (models_.size() == 1) {
      add(dialect, route, path, models_[0].get());
    }
  }

  void add(const DialectDef& dialect, const Route& route, const std::string& path, const LoadedModel* model) {
    if (!described_.emplace(path, route.method).second) return;
    RouteDescription description;
    route.describe(description, model);
    JsonWriter out(service_.settings().max_response);
    std::string method = lower(route.method);
    out.string(method).raw(":{\"operationId\":").string(unique_id(method + path)).raw(",\"tags\":[");
    out.string(dialect.name).raw("],\"summary\":").string(description.summary);
    if (takes_token(route.scope())) out.raw(R"(,"security":[{"token":[]}])");
    append_parameters(out, path);
    if (!description.request.empty()) {
      out.raw(",\"requestBody\":{\"required\":true,\"content\":");
      append_content(out, description.request);
      out.raw("}");
    }
    out.raw(R"(,"responses":{"200":{"description":"OK")");
    if (!description.response.empty()) {
      out.raw(",\"content\":");
      append_content(out, description.response);
    }
    out.raw(R"(},"default":{"$ref":"#/components/responses/Error"}}})");
    std::string& operations = paths_[path];
    operations += (operations.empty() ? "" : ",") + out.done().value_or("");
  }

  static void append_parameters(JsonWriter& out, std::string_view path) {
    std::string_view separator = ",\"parameters\":[";
    for (std::size_t at = 0; (at = path.find('{', at)) != path.npos;) {
      std::size_t end = path.find('}', at);
      out.raw(separator).raw("{\"name\":").string(path.substr(at + 1, end - at - 1));
      out.raw(R"(,"in":"path","required":true,"schema":{"type":"string"}})");
      separator = ",";
      at = end;
    }
    if (separator == ",") out.raw("]");
  }

  static void append_content(JsonWriter& out, const std::vector<MediaSchema>& content) {
    std::string_view separator = "{";
    for (const MediaSchema& media : content) {
      out.raw(separator).string(media.media_type).raw(":{");
      if (!media.schema.empty()) out.raw("\"schema\":").raw(media.schema);
      out.raw("}");
      separator = ",";
    }
    out.raw("}");
  }

  // Letters, digits and single underscores, which become names in generated code.
  std::string unique_id(std::string_view text) {
    std::string id;
    for (char c : text) {
      if (std::isalnum(static_cast<unsigned char>(c)) != 0) id += c;
      else if (!id.ends_with('_')) id += '_';
    }
    while (id.ends_with('_')) id.pop_back();
    for (std::string base = id; !ids_.insert(id).second;) id = fmt::format("{}_{}", base, ids_.size());
    return id;
  }

  const Service& service_;
  JsonWriter out_;
  std::vector<std::shared_ptr<LoadedModel>> models_;
  std::map<std::string, std::string> paths_;
  std::set<std::pair<std::string, std::string_view>> described_;  // path and method
  std::set<std::string> ids_;
};

}  // namespace

Result<std::string> OpenApi::document(const Service& service) {
  std::lock_guard lock(mutex_);
  auto table = service.routing_table();
  if (table_.lock() != table) {
    text_ = Document(service, *table).write();
    table_ = table;
  }
  return text_;
}

}  // namespace modelctl::serve
