// A package in a file of its own: file:models/digits.tar or file:///srv/models/digits.tar. An unpacked folder can be
// read from, too.
#include "transport/archive.hpp"
#include "transport/transport.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::transport {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t chunk = 1 << 20;

// The path of a file: reference (RFC 8089): without a host, or with an empty host or localhost.
Result<fs::path> path_of(const std::string& reference) {
  std::string path = reference.substr(std::string_view("file:").size());
  if (path.starts_with("//localhost/")) path.erase(0, std::string_view("//localhost").size());
  if (path.starts_with("///")) path.erase(0, 2);
  if (!path.empty() && !path.starts_with("//")) return fs::path(path);
  return Error(Kind::usage, "bad-reference", fmt::format("'{}' is not a reference to a package", reference))
      .because(path.empty() ? "it names no file" : "it names a host, and files are on this one")
      .help("write file:PATH or file:///PATH");
}

// Reads the entries of a mapped package. Pages are released behind the reader, so that a large package does not fill
// the memory.
class FileReader : public Reader {
 public:
  FileReader(package::Package package, const StopToken& stop) : package_(std::move(package)), stop_(stop) {}

  Result<Documents> documents() override {
    return Documents{std::string(package_.manifest_text()), std::string(package_.bundle_text())};
  }
  Result<void> fetch(const Part& part, std::uint64_t from, const Sink& sink) override {
    ByteSpan bytes = TRY(package_.content(part.path));
    for (std::uint64_t at = from; at < bytes.size(); at += chunk) {
      if (stop_.stopped()) return Error(Kind::interrupted, "interrupted", "the pull was interrupted");
      ByteSpan piece = bytes.subspan(at, std::min<std::uint64_t>(chunk, bytes.size() - at));
      TRY(sink(piece));
      package_.release(piece);
    }
    return {};
  }

 private:
  package::Package package_;
  const StopToken& stop_;
};

// Writes the archive to a temporary file beside the target and renames it, as AtomicFile does.
class FileWriter : public Writer {
 public:
  FileWriter(fs::path path, std::string reference, Host& host)
      : path_(std::move(path)), reference_(std::move(reference)), host_(host) {}

  Result<Pushed> push(const package::Package& package, const NameCheck& check) override {
    Archive archive = archive_of(package);
    if (path_.has_parent_path()) TRY(make_folder(path_.parent_path()));
    AtomicFile file = TRY(AtomicFile::create(path_));
    Pushed pushed{.reference = reference_};
    for (ByteSpan piece : archive.pieces) {
      for (std::size_t at = 0; at < piece.size(); at += chunk) {
        if (host_.stop.stopped()) return Error(Kind::interrupted, "interrupted", "the push was interrupted");
        ByteSpan bytes = piece.subspan(at, std::min(chunk, piece.size() - at));
        TRY(file.write(bytes));
        archive.release(package, pushed.sent, pushed.sent + bytes.size());
        pushed.sent += bytes.size();
        host_.reporter.progress("pushing " + reference_, pushed.sent, archive.size);
      }
    }
    TRY(check());
    TRY(file.commit());
    return pushed;
  }

 private:
  fs::path path_;
  std::string reference_;
  Host& host_;
};

Result<std::unique_ptr<Reader>> open_reader(const std::string& reference, Context& context) {
  package::Package package = TRY(package::Package::open(TRY(path_of(reference))));
  return std::make_unique<FileReader>(std::move(package), context.host.stop);
}

Result<std::unique_ptr<Writer>> open_writer(const std::string& reference, Context& context) {
  return std::make_unique<FileWriter>(TRY(path_of(reference)), reference, context.host);
}

constexpr std::string_view prefixes[] = {"file:"};
constexpr TransportDef defs[] = {{
    .name = "file",
    .example = "file:/srv/models/digits-1.2.tar",
    .summary = "an archive in the file system",
    .prefixes = prefixes,
    .claims = nullptr,
    .name_of = nullptr,
    .open_reader = open_reader,
    .open_writer = open_writer,
    .list = nullptr,
}};

}  // namespace

std::span<const TransportDef> file_transport() { return defs; }

}  // namespace modelctl::transport
