// A plain web host: https://host/models/digits-1.2.tar. Reading is one GET that is drawn along with the archive's own
// layout, and repeated with a range if it breaks; a server without ranges is read again from its start. Writing is a
// PUT under another name and a MOVE if the host supports WebDAV, else a PUT.
#include "http/address.hpp"
#include "transport/archive.hpp"
#include "transport/transport.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace modelctl::transport {
namespace {

using http::HttpRequest;
using http::HttpResponse;
using http::redacted;
using http::Url;

// Between the content of two entries are a header and padding: reading over those is cheaper than a new request.
constexpr std::uint64_t skip_limit = 1 << 20;  // a gap larger than this is skipped with a new range

// "https://registry.example/team/digits:1.2", as people paste it, is a file on a web host. What they mean has no
// scheme.
std::optional<std::string> registry_reference(const Url& url) {
  std::string rest = url.text().substr(url.scheme.size() + 3);
  auto name = parse_name(rest);
  return name && !name->host.empty() ? std::optional(std::move(rest)) : std::nullopt;
}

Error with_registry_hint(Error error, const Url& url) {
  auto name = registry_reference(url);
  const char* plain = url.scheme == "http" ? " --plain-http" : "";
  if (name && error.hint.empty()) error.hint = fmt::format("if it is in a registry, write {}{}", *name, plain);
  return error;
}

// The remote file as a stream that can be positioned.
class RemoteFile {
 public:
  RemoteFile(Context& context, const Url& url) : client_(context, url, "", ""), url_(url) {}

  // Up to buffer.size() bytes from `at`; fails at the end of the file.
  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> buffer) {
    while (true) {
      auto count = read_once(at, buffer);
      if (count) return count;
      response_.reset();
      if (!http::is_transient(count.error()) || !attempts_.another(at)) return std::move(count).error().because(what());
      TRY(client_.wait(attempts_.made()));
    }
  }

  std::string what() const { return fmt::format("cannot read '{}'", redacted(url_)); }

 private:
  Result<std::size_t> read_once(std::uint64_t at, std::span<std::byte> buffer) {
    if (!response_ || at < position_ || at - position_ > skip_limit) TRY(open(at));
    std::vector<std::byte> skipped(64 << 10);
    while (true) {
      bool there = position_ == at;
      std::span<std::byte> into = there ? buffer : std::span<std::byte>(skipped);
      if (!there) into = into.first(std::min<std::uint64_t>(into.size(), at - position_));
      std::size_t count = TRY(response_->body->read(into));
      if (count == 0) {
        return Error(Kind::untrusted, "truncated", what())
            .at(redacted(url_))
            .because(fmt::format("the file ends after {} bytes, before the package does", position_));
      }
      position_ += count;
      if (there) return count;
    }
  }

  Result<void> open(std::uint64_t at) {
    response_.reset();
    HttpRequest request{.url = url_};
    if (at > 0) request.headers.push_back({"Range", fmt::format("bytes={}-", at)});
    auto response = client_.send(request);
    if (!response) return std::move(response).error();
    if (response->status == 404) {
      Error error = client_.failure(request, *response, fmt::format("there is no '{}'", redacted(url_)));
      error.code = "no-such-package";
      return with_registry_hint(std::move(error), url_);
    }
    if (response->status != 200 && response->status != 206) return client_.failure(request, *response, what());
    position_ = 0;
    if (response->status == 206) {
      std::string range = response->header("Content-Range").value_or("no Content-Range");
      if (!range.starts_with(fmt::format("bytes {}-", at))) {
        return Error(Kind::protocol, "bad-range", what())
            .at(http::place_of(request, response->status))
            .because(fmt::format("we asked for the bytes from {} and the server sends '{}'", at,
                                 client_.secrets().quote(range)));
      }
      position_ = at;
    }
    response_ = std::move(*response);
    return {};
  }

  RemoteClient client_;
  Url url_;
  std::optional<HttpResponse> response_;
  std::uint64_t position_ = 0;
  http::Attempts attempts_;
};

class HttpsReader : public Reader {
 public:
  HttpsReader(Context& context, const Url& url) : file_(context, url) {}

  Result<Documents> documents() override {
    Documents documents;
    std::uint64_t at = 0;
    documents.manifest = TRY(document(at, package::manifest_path, package::manifest_limit));
    documents.bundle = TRY(document(at, package::bundle_path, package::bundle_limit));
    return documents;
  }

  Result<void> fetch(const Part& part, std::uint64_t from, const Sink& sink) override {
    std::vector<std::byte> buffer(256 << 10);
    while (from < part.size) {
      std::span<std::byte> part_of_buffer(buffer.data(), std::min<std::uint64_t>(buffer.size(), part.size - from));
      std::size_t count = TRY(file_.read(part.archive_offset + from, part_of_buffer));
      TRY(sink(ByteSpan(buffer.data(), count)));
      from += count;
    }
    return {};
  }

 private:
  Result<std::string> bytes(std::uint64_t at, std::uint64_t size) {
    std::string text(size, '\0');
    for (std::uint64_t done = 0; done < size;) {
      done += TRY(file_.read(at + done, std::as_writable_bytes(std::span(text)).subspan(done)));
    }
    return text;
  }

  // One of the two files in front, at `at`, which is put behind it. Only the size is believed, and only so far.
  Result<std::string> document(std::uint64_t& at, std::string_view path, std::uint64_t limit) {
    std::string header = TRY(bytes(at, package::tar_block));
    std::uint64_t size = 0;
    // The field `size` of a ustar header (POSIX.1-2008, pax: "ustar Interchange Format"): octal digits at offset 124.
    std::from_chars(header.data() + 124, header.data() + 135, size, 8);
    bool named = std::string_view(header).starts_with(std::string(path) + '\0');
    if (!named || size == 0 || size > limit) {
      return Error(Kind::untrusted, "no-package", file_.what())
          .because(fmt::format("it is not a package of modelctl: '{}' is not where it must be", path));
    }
    std::string text = TRY(bytes(at + package::tar_block, size));
    at += package::tar_block + size + package::tar_padding(size);
    return text;
  }

  RemoteFile file_;
};

// Sends the archive to a temporary name beside its own and moves it there, so that no reader sees half of it and a
// failed push leaves the old file. The name is random: two pushes at the same time do not write into one file.
class HttpsWriter : public Writer {
 public:
  HttpsWriter(Context& context, const Url& url)
      : context_(context),
        client_(context, url, "", ""),
        url_(url),
        what_(fmt::format("cannot push to '{}'", redacted(url))) {}

  Result<Pushed> push(const package::Package& package, const NameCheck& check) override {
    Archive archive = archive_of(package);
    Url waiting = url_;
    std::array<std::byte, 4> random{};
    context_.host.random.fill(random);
    for (std::byte byte : random) waiting.path += fmt::format("{}{:02x}", &byte == random.data() ? "." : "", byte);
    waiting.path += ".part";
    bool moves = TRY(supports_move(waiting));
    if (!moves) TRY(check());
    auto sent = put(moves ? waiting : url_, package, archive);
    if (sent && moves) sent = check();
    if (sent && moves) sent = move(waiting);
    if (!sent) {
      if (moves) remove(waiting);
      return std::move(sent).error();
    }
    TRY(check_size(archive.size));
    if (!moves) {
      context_.host.reporter.info(fmt::format(
          "'{}' does not support MOVE: readers could see the archive while it was being sent", url_.authority()));
    }
    return Pushed{.reference = redacted(url_), .sent = archive.size};
  }

 private:
  // Asked before the upload and not tried after it: a host that does not support MOVE would be left with a file under a
  // temporary name, and the package would have to be sent twice.
  Result<bool> supports_move(const Url& waiting) {
    // A host that supports MOVE responds with 404 to the move of a file that does not exist.
    HttpResponse response = TRY_BECAUSE(client_.send(move_request(waiting)), what_);
    return response.status == 404 || response.status == 409 || response.status == 412;
  }

  HttpRequest move_request(const Url& waiting) const {
    HttpRequest request{.method = "MOVE", .url = waiting};
    request.headers = {{"Destination", url_.text()}, {"Overwrite", "T"}};
    return request;
  }

  Result<void> put(const Url& url, const package::Package& package, const Archive& archive) {
    HttpRequest request{.method = "PUT", .url = url};
    request.headers = {{"Content-Type", "application/x-tar"}};
    request.body = archive.pieces;
    std::string title = "pushing " + redacted(url_);
    std::uint64_t seen = 0;
    request.on_sent = [&](std::uint64_t sent) {
      context_.host.reporter.progress(title, sent, archive.size);
      if (sent > seen) archive.release(package, std::exchange(seen, sent), sent);
    };
    HttpResponse response = TRY_BECAUSE(client_.send(request), what_);
    if (response.status == 404 || response.status == 409) {  // the folder is missing
      TRY(make_collections());
      response = TRY_BECAUSE(client_.send(request), what_);
    }
    if (response.status == 200 || response.status == 201 || response.status == 204) return {};
    return with_registry_hint(client_.failure(request, response, what_), url_);
  }

  Result<void> move(const Url& waiting) {
    TRY(client_.expect(move_request(waiting), {200, 201, 204}, what_));
    return {};
  }

  Result<void> make_collections() {
    for (std::size_t slash = url_.path.find('/', 1); slash != std::string::npos;
         slash = url_.path.find('/', slash + 1)) {
      HttpRequest request{.method = "MKCOL", .url = url_};
      request.url.path = url_.path.substr(0, slash + 1);
      request.url.query.clear();
      TRY_BECAUSE(client_.send(request), what_);  // 405: it exists; any other fault shows in the PUT
    }
    return {};
  }

  void remove(const Url& waiting) {
    auto ignored = client_.send(HttpRequest{.method = "DELETE", .url = waiting}, http::Client::Retry::no);
    static_cast<void>(ignored);
  }

  // A host may store less than it accepted, for example when its disk is full.
  Result<void> check_size(std::uint64_t size) {
    HttpRequest request{.method = "HEAD", .url = url_};
    HttpResponse response = TRY_BECAUSE(client_.send(request), what_);
    auto there = response.content_length();
    if (response.status != 200 || !there || *there == size) return {};  // some hosts accept files and do not serve them
    return Error(Kind::protocol, "wrong-size", what_)
        .at(redacted(url_))
        .because(fmt::format("the host has {} bytes and {} were sent", *there, size));
  }

  Context& context_;
  RemoteClient client_;
  Url url_;
  std::string what_;
};

Result<Url> url_of(const std::string& reference, const Context& context) {
  Url url = TRY(Url::parse(reference));
  if (url.had_userinfo) {
    return Error(Kind::usage, "secret-in-url", fmt::format("cannot use '{}'", redacted(url)))
        .because("a password in a URL ends up in logs and in the shell's history")
        .help(fmt::format("leave it out and log in: modelctl login {} --username NAME", url.authority()));
  }
  bool refused = url.scheme == "http" && !context.http.plain_http && !http::is_loopback(url.host);
  if (auto name = registry_reference(url); name && refused) {
    return Error(Kind::usage, "bad-reference", fmt::format("'{}' is not a reference to a package", redacted(url)))
        .because("registries are reached over HTTPS, and their references have no scheme")
        .help(fmt::format("write {}", *name));
  }
  if (url.path.ends_with('/')) {
    return Error(Kind::usage, "bad-reference", fmt::format("'{}' is not a reference to a package", redacted(url)))
        .because("it names no file")
        .help(fmt::format("write for example {}digits-1.0.tar", redacted(url)));
  }
  return url;
}

Result<std::unique_ptr<Reader>> open_reader(const std::string& reference, Context& context) {
  return std::make_unique<HttpsReader>(context, TRY(url_of(reference, context)));
}

Result<std::unique_ptr<Writer>> open_writer(const std::string& reference, Context& context) {
  return std::make_unique<HttpsWriter>(context, TRY(url_of(reference, context)));
}

constexpr std::string_view prefixes[] = {"https://", "http://"};
constexpr TransportDef defs[] = {{
    .name = "https",
    .example = "https://models.example/digits-1.2.tar",
    .summary = "an archive on a web host: GET with ranges, PUT or WebDAV",
    .prefixes = prefixes,
    .claims = nullptr,
    .name_of = nullptr,
    .open_reader = open_reader,
    .open_writer = open_writer,
    .list = nullptr,
}};

}  // namespace

std::span<const TransportDef> https_transport() { return defs; }

}  // namespace modelctl::transport
