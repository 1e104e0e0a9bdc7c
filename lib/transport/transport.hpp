// How packages move. A transport is one file in schemes/: it claims references and opens them for reading or for
// writing, separately, since the two need different permissions. A transport checks nothing: a reader returns the
// signed documents first and then each entry by itself, and pull.hpp accepts nothing that does not match them.
#pragma once

#include "package/package.hpp"
#include "transport/reference.hpp"
#include "transport/remote_client.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace modelctl::transport {

// The two documents of a package as the remote has them, unverified.
struct Documents {
  std::string manifest, bundle;
};

// One entry of the manifest, as far as a reader needs it.
struct Part {
  std::string path;
  std::uint64_t size;
  Digest digest;
  std::uint64_t archive_offset;  // where its content begins in the package's archive
};

// Receives bytes in order; an error ends the transfer and is returned by it.
using Sink = std::function<Result<void>(ByteSpan)>;

// Gives access to one package. The calls come in the order of the manifest, so a stream that cannot go back serves,
// too.
class Reader {
 public:
  virtual ~Reader() = default;
  virtual Result<Documents> documents() = 0;
  // The bytes [from, part.size) of an entry, in order, each once.
  virtual Result<void> fetch(const Part& part, std::uint64_t from, const Sink& sink) = 0;
};

struct Pushed {
  std::string reference;         // with the digest, if the remote has one: identifies exactly this package
  std::optional<Digest> digest;  // of the OCI manifest
  std::uint64_t sent = 0;        // bytes of content that were sent
  std::uint64_t skipped = 0;     // bytes that the remote had already
};

// Whether the reference's name may refer to the package. An error ends the push and leaves the name as it is.
using NameCheck = std::function<Result<void>()>;

// Sends one package, whose content was checked before.
class Writer {
 public:
  virtual ~Writer() = default;
  // The reference's name does not refer to the package before all of it is stored. `check` runs last before that: an
  // upload takes minutes, in which the name may get another package. A transport that can do both as one step does.
  virtual Result<Pushed> push(const package::Package& package, const NameCheck& check) = 0;
};

// A package in a registry.
struct Listed {
  std::string reference;
  Digest digest;
  std::uint64_t size = 0;                                       // of all content
  std::optional<std::chrono::system_clock::time_point> pushed;  // if the registry records it
};

struct TransportDef {
  std::string_view name;
  std::string_view example;  // a reference of its kind
  std::string_view summary;  // one line for the reference page
  // Prefixes that assign a reference to this transport, such as "https://". They are tried before claims().
  std::span<const std::string_view> prefixes;
  // Whether a reference without a known prefix belongs to this transport; null: never.
  bool (*claims)(std::string_view reference);
  // The name in a reference, which the package there must have; null if references of this kind name a place instead.
  Result<Name> (*name_of)(const std::string& reference);
  Result<std::unique_ptr<Reader>> (*open_reader)(const std::string& reference, Context& context);
  Result<std::unique_ptr<Writer>> (*open_writer)(const std::string& reference, Context& context);
  // The packages of a registry; null if this transport cannot list.
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
