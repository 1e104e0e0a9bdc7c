// Reads a package as it streams in: signature first, then each entry in the manifest's order. Everything else must be
// to the byte what our own writer writes, so whatever is missing, extra, altered or reordered is refused where it
// stands.
#pragma once

#include "package/signing.hpp"
#include "package/tar.hpp"

namespace modelctl::package {

// Takes what the reader has checked so far. Content arrives before its digest is known: put nothing in place before the
// reader has finished.
class EntrySink {
 public:
  virtual ~EntrySink() = default;
  virtual Result<void> opened(const SignedManifest&) { return {}; }
  virtual Result<void> begin(const Entry& entry) = 0;
  virtual Result<void> write(ByteSpan bytes) = 0;
  virtual Result<void> end(const Entry& entry) = 0;  // size and digest matched
};

// Content checked against one entry, for who fetches entries apart: hashes, never takes more than the entry's size.
class EntryCheck {
 public:
  explicit EntryCheck(const Entry& entry) : entry_(entry) {}
  Result<void> update(ByteSpan bytes);
  Result<void> finish();
  std::uint64_t seen() const { return seen_; }

 private:
  Entry entry_;
  Sha256 hash_;
  std::uint64_t seen_ = 0;
};

// feed() it the archive's bytes in pieces of any size, then finish(). Every refusal is untrusted; nothing works after
// one.
class StreamReader {
 public:
  StreamReader(const Trust& trust, EntrySink& sink);
  ~StreamReader();

  Result<void> feed(ByteSpan bytes);
  Result<void> finish();
  // What was signed, as soon as both documents have arrived; before that null.
  const SignedManifest* opened() const;
  const Layout* layout() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace modelctl::package
