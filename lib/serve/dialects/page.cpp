// The page at `/`, on which people try the models, and who a model is, which the page shows and programs may ask for.
// Programs get the liveness of KServe's protocol V1 at `/`: unlike browsers, they do not name HTML in 'Accept'.
//
// The page is one HTML file (templates/page), compiled in as gzip. Its policy lets the browser run that file's own
// script and nothing else, whatever text a package has: the policy names the digests of what stands between its tags,
// so the page has neither attributes with code nor addresses of other servers.
#include "base/check.hpp"
#include "base/digest.hpp"
#include "base/embedded.hpp"
#include "serve/dialect.hpp"
#include "serve/formats/json_writer.hpp"

#include <fmt/core.h>
#include <zlib.h>

#include <cmath>

namespace modelctl {
std::span<const EmbeddedFile> page_file();
}

namespace modelctl::serve {
namespace {

struct Page {
  std::string html;
  std::string tag;     // for the header ETag
  std::string policy;  // Content-Security-Policy
};

// The input is part of this binary, so an error is a bug.
std::string unpacked(std::string_view gzip) {
  std::string text(std::size_t{256} << 10, '\0');
  z_stream stream{};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  int status = inflateInit2(&stream, 16 + MAX_WBITS);  // 16: gzip's header and checksum
  if (status == Z_OK) status = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  MODELCTL_CHECK(status == Z_STREAM_END, "the page in the binary is whole");
  text.resize(text.size() - stream.avail_out);
  text.shrink_to_fit();
  return text;
}

// 'sha256-…' of what is between <NAME> and </NAME>.
std::string source_of(std::string_view html, std::string_view name) {
  std::size_t begin = html.find(fmt::format("<{}>", name)), end = html.find(fmt::format("</{}>", name));
  MODELCTL_CHECK(begin < end && end != html.npos, "the page has a style and a script");
  begin += name.size() + 2;
  Digest digest = Sha256::of(as_bytes(html.substr(begin, end - begin)));
  return fmt::format("'sha256-{}'", to_base64(std::as_bytes(std::span(digest.bytes))));
}

Page make_page() {
  Page page;
  page.html = unpacked(page_file().front().text());
  page.tag = fmt::format("\"{}\"", Sha256::of(as_bytes(page.html)).hex().substr(0, 16));
  page.policy = fmt::format(
      "default-src 'none'; script-src {}; style-src {}; img-src data:; connect-src 'self'; base-uri 'none'; "
      "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
      source_of(page.html, "script"), source_of(page.html, "style"));
  return page;
}

ServerResponse get_page(const RequestContext& context) {
  if (context.request.header("accept").find("text/html") == std::string_view::npos)
    return {200, "application/json", "{\"status\":\"alive\"}\n", {{"Vary", "Accept"}}};
  if (!context.service.settings().page) return error_response(404, "there is nothing at '/'");
  static const Page page = make_page();
  ServerResponse response;
  response.content_type = "text/html; charset=utf-8";
  response.headers = {{"Content-Security-Policy", page.policy},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cache-Control", "no-cache"},
                      {"Vary", "Accept"},
                      {"ETag", "W/" + page.tag}};
  // A weak tag, because it names the page and not its bytes, which may be sent compressed.
  bool known = context.request.header("if-none-match").find(page.tag) != std::string_view::npos;
  response.status = known ? 304 : 200;
  if (!known) response.body = page.html;
  return response;
}

Result<ServerResponse> try_identity(const RequestContext& context) {
  auto model = TRY(context.service.select(context.selector()));
  const ModelInfo& info = model->info();
  JsonWriter body(model->settings().max_response);
  body.raw("{\"name\":").string(info.name).raw(",\"version\":").string(info.version);
  for (auto [key, value] : {std::pair("package", &info.package),
                            {"digest", &info.digest},
                            {"signer", &info.signer},
                            {"description", &info.description},
                            {"license", &info.license},
                            {"card", &info.card}}) {
    if (!value->empty()) body.raw(fmt::format(",\"{}\":", key)).string(*value);
  }
  body.raw(",\"quality\":{");
  std::string_view separator = "";
  for (const auto& [metric, value] : info.quality) {
    if (!std::isfinite(value)) continue;
    body.raw(separator).string(metric).raw(fmt::format(":{}", value));
    separator = ",";
  }
  body.raw("}}\n");
  ServerResponse response;
  response.body = TRY(body.done());
  return response;
}

// What the package of a model states: members that it does not have are left out, as all are of an artifact.
ServerResponse identity(const RequestContext& context) {
  auto response = try_identity(context);
  return response ? std::move(*response) : error_response(response.error());
}

void describe_page(RouteDescription& route, const LoadedModel*) {
  route = {"A page to try the models; for programs, whether the process responds",
           {},
           {{"text/html", std::string(schema::text)},
            {"application/json", schema::object({{"status", schema::constant("alive")}})}}};
}
void describe_identity(RouteDescription& route, const LoadedModel*) {
  schema::Members members;
  for (const char* key :
       {"name", "version", "quality", "package", "digest", "signer", "description", "license", "card"})
    members.emplace_back(key, key == std::string_view("quality") ? R"({"type":"object"})" : schema::text);
  route = {"What the package of a model states", {}, {{"application/json", schema::object(members, 3)}}};
}

constexpr Route routes[] = {
    {.method = "GET", .pattern = "/", .needs = Scope::none, .answer = get_page, .describe = describe_page},
    {.method = "GET", .pattern = "/models/{model}", .answer = identity, .describe = describe_identity},
    {.method = "GET",
     .pattern = "/models/{model}/versions/{version}",
     .answer = identity,
     .describe = describe_identity},
};
constexpr DialectDef defs[] = {{"page", routes}};

}  // namespace

std::span<const DialectDef> page_dialect() { return defs; }

}  // namespace modelctl::serve
