// A state machine over the archive: it knows the expected bytes before it reads them, and compares.
#include "package/reader.hpp"

#include "package/archive_internal.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

namespace modelctl::package {

// The size is compared before anything is hashed or passed on: a source without an end is left at the entry's last
// byte.
Result<void> EntryCheck::update(ByteSpan bytes) {
  if (bytes.size() > entry_.size - seen_) {
    return Error(Kind::untrusted, "altered", fmt::format("cannot use the package: '{}' was altered", entry_.path))
        .at(entry_.path)
        .because(fmt::format("it has more than the {} bytes that were signed", entry_.size));
  }
  hash_.update(bytes);
  seen_ += bytes.size();
  return {};
}

Result<void> EntryCheck::finish() {
  if (seen_ != entry_.size) {
    return Error(Kind::untrusted, "altered", fmt::format("cannot use the package: '{}' is cut short", entry_.path))
        .at(entry_.path)
        .because(fmt::format("it has {} of the {} bytes that were signed", seen_, entry_.size));
  }
  Digest digest = hash_.finish();
  if (digest == entry_.digest) return {};
  return Error(Kind::untrusted, "altered", fmt::format("cannot use the package: '{}' was altered", entry_.path))
      .at(entry_.path)
      .because(fmt::format("its digest is {} and not {}", digest.text(), entry_.digest.text()));
}

struct StreamReader::State {
  const Trust& trust;
  EntrySink& sink;

  // In the order of the archive; `header` to `padding` repeat for each entry. Nothing leads out of `failed`.
  enum class Phase { manifest_header, manifest, bundle_header, bundle, header, content, padding, trailer, end, failed };
  Phase phase = Phase::manifest_header;
  std::uint64_t at = 0;  // bytes of the archive taken so far
  std::string buffer;    // of a piece that is needed whole
  DocumentHeader document{};
  std::string manifest;
  std::uint64_t timestamp = 0;
  std::optional<SignedManifest> opened;
  std::optional<Layout> layout;
  std::size_t index = 0;  // of the entry at hand
  std::optional<EntryCheck> check;

  const Entry& entry() const { return opened->manifest.entries[index]; }
  const Slot& slot() const { return layout->slots()[index + 2]; }

  // Collects the next `size` bytes in the buffer; false while more are needed. The size is that of a header or of a
  // document, whose limit was checked, so the buffer cannot grow with the sender's wishes.
  bool collect(ByteSpan& bytes, std::uint64_t size) {
    std::size_t take = std::min<std::uint64_t>(size - buffer.size(), bytes.size());
    buffer += as_text(bytes.first(take));
    bytes = bytes.subspan(take);
    at += take;
    return buffer.size() == size;
  }
  std::uint64_t start() const { return at - buffer.size(); }

  void go(Phase next) {
    buffer.clear();
    phase = next;
  }
  void next_entry() { go(index < opened->manifest.entries.size() ? Phase::header : Phase::trailer); }

  Result<void> take_header(std::string_view path, std::uint64_t limit) {
    document = TRY(read_document_header(as_bytes(buffer), start(), path, limit));
    buffer.clear();
    return {};
  }
  // Splits the collected document from its padding.
  Result<void> drop_padding(std::string_view path) {
    TRY(check_zeros(as_bytes(buffer).subspan(document.size), start() + document.size, path));
    buffer.resize(document.size);
    return {};
  }
  // From here on every byte in front of and between the entries' content is known. Before it nothing was given to the
  // sink.
  Result<void> open_bundle() {
    opened = TRY(open_signed(manifest, buffer, trust));
    TRY(check_timestamp(opened->manifest, timestamp));
    TRY(check_timestamp(opened->manifest, document.timestamp));
    layout.emplace(opened->manifest, manifest.size(), buffer.size());
    return sink.opened(*opened);
  }

  // Does what can be done with the bytes at hand; returns whether it came to the end of a phase.
  Result<bool> step(ByteSpan& bytes);
  Result<bool> take_content(ByteSpan& bytes);
};

Result<bool> StreamReader::State::take_content(ByteSpan& bytes) {
  ByteSpan piece = bytes.first(std::min<std::uint64_t>(entry().size - check->seen(), bytes.size()));
  if (!piece.empty()) {
    TRY(check->update(piece));
    TRY(sink.write(piece));
    bytes = bytes.subspan(piece.size());
    at += piece.size();
  }
  if (check->seen() < entry().size) return false;
  TRY(check->finish());
  TRY(sink.end(entry()));
  go(Phase::padding);
  return true;
}

Result<bool> StreamReader::State::step(ByteSpan& bytes) {
  switch (phase) {
    case Phase::manifest_header:
      if (!collect(bytes, tar_block)) return false;
      TRY(take_header(manifest_path, manifest_limit));
      timestamp = document.timestamp;
      go(Phase::manifest);
      return true;
    case Phase::manifest:
      if (!collect(bytes, document.size + tar_padding(document.size))) return false;
      TRY(drop_padding(manifest_path));
      manifest = buffer;
      go(Phase::bundle_header);
      return true;
    case Phase::bundle_header:
      if (!collect(bytes, tar_block)) return false;
      TRY(take_header(bundle_path, bundle_limit));
      go(Phase::bundle);
      return true;
    case Phase::bundle:
      if (!collect(bytes, document.size + tar_padding(document.size))) return false;
      TRY(drop_padding(bundle_path));
      TRY(open_bundle());
      next_entry();
      return true;
    case Phase::header:
      if (!collect(bytes, slot().at - slot().header_at)) return false;
      TRY(check_header(as_bytes(buffer), layout->header(slot()), slot()));
      TRY(sink.begin(entry()));
      check.emplace(entry());
      go(Phase::content);
      return true;
    case Phase::content: return take_content(bytes);
    case Phase::padding:
      if (!collect(bytes, tar_padding(entry().size))) return false;
      TRY(check_zeros(as_bytes(buffer), start(), entry().path));
      ++index;
      next_entry();
      return true;
    case Phase::trailer:
      if (!collect(bytes, 2 * tar_block)) return false;
      TRY(check_zeros(as_bytes(buffer), start(), {}));
      go(Phase::end);
      return true;
    case Phase::end:
      if (bytes.empty()) return false;
      return bad_archive(at, {}, "something follows the end of the archive");
    case Phase::failed: break;
  }
  return Error(Kind::untrusted, "altered-archive", "cannot use the package: it was refused before");
}

StreamReader::StreamReader(const Trust& trust, EntrySink& sink) : state_(new State{trust, sink}) {}
StreamReader::~StreamReader() = default;

Result<void> StreamReader::feed(ByteSpan bytes) {
  while (true) {
    // A refusal is final: a caller that ignores the error gets no further. A malformed archive is untrusted here, not
    // bad_input: the signature was to exclude it.
    auto more = state_->step(bytes);
    if (!more) {
      state_->phase = State::Phase::failed;
      Error error = std::move(more).error();
      if (error.kind == Kind::bad_input) error.kind = Kind::untrusted;
      return error;
    }
    if (!*more) return {};
  }
}

Result<void> StreamReader::finish() {
  TRY(feed({}));
  if (state_->phase == State::Phase::end) return {};
  Error error = bad_archive(state_->at, {}, state_->at == 0 ? "it is empty" : "it ends too early");
  error.kind = Kind::untrusted;
  state_->phase = State::Phase::failed;
  return error;
}

const SignedManifest* StreamReader::opened() const { return state_->opened ? &*state_->opened : nullptr; }
const Layout* StreamReader::layout() const { return state_->layout ? &*state_->layout : nullptr; }

}  // namespace modelctl::package
