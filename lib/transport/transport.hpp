// How packages move. A transport is one file in schemes/: it claims references and opens them for reading or for
// writing, apart, since the two need different rights. What moves is checked elsewhere: a reader hands out the signed
// documents first and then each entry by itself, and pull.hpp believes nothing that does not match them.
#pragma once

#include "package/package.hpp"
#include "transport/remote_client.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace modelctl::transport {

// The documents in front of a package, as they lie at the remote: nothing is known to be true of them.
struct Documents {
  std::string manifest, bundle;
};

// One entry as a reader needs to know it.
struct Part {
  std::string path;
  std::uint64_t size;
  Digest digest;
  std::uint64_t archive_offset;  // where its content lies in the package's archive
};

using Sink = std::function<Result<void>(ByteSpan)>;

class Reader {
 public:
  virtual ~Reader() = default;
  virtual Result<Documents> documents() = 0;
  // The bytes [from, part.size) of an entry, in order, each once.
  virtual Result<void> fetch(const Part& part, std::uint64_t from, const Sink& sink) = 0;
};

struct Pushed {
  std::string reference;         // with the digest where the remote has one: names exactly this
  std::optional<Digest> digest;  // of the OCI manifest
  std::uint64_t sent = 0;        // bytes of content that moved
  std::uint64_t skipped = 0;     // bytes that were there already
};

class Writer {
 public:
  virtual ~Writer() = default;
  // Nothing is visible under the reference's name before everything is there.
  virtual Result<Pushed> push(const package::Package& package) = 0;
};

// A package in a registry.
struct Listed {
  std::string reference;
  Digest digest;
  std::uint64_t size = 0;                                       // of all content
  std::optional<std::chrono::system_clock::time_point> pushed;  // where the registry keeps it
};

struct TransportDef {
  std::string_view name;
  std::string_view example;  // a reference of its kind
  std::string_view summary;  // one line for the reference page
  // The beginnings that make a reference this transport's, whatever follows: "https://". Looked at first.
  std::span<const std::string_view> prefixes;
  // For references without such a beginning; null where there are none.
  bool (*claims)(std::string_view reference);
  Result<std::unique_ptr<Reader>> (*open_reader)(const std::string& reference, Context& context);
  Result<std::unique_ptr<Writer>> (*open_writer)(const std::string& reference, Context& context);
  // What a registry holds; null where nothing can be listed.
  Result<std::vector<Listed>> (*list)(const std::string& registry, Context& context);
};

// All transports, one file each in schemes/ (generated table): each <stem>.cpp defines
// std::span<const TransportDef> <stem>_transport().
std::span<const TransportDef* const> transports();

// The transport of a reference.
Result<const TransportDef*> transport_of(std::string_view reference);
// The transport that lists a registry: a host, host/team/name, oci:FOLDER, or a name in the local registry.
Result<const TransportDef*> lister_of(std::string_view registry);

}  // namespace modelctl::transport
