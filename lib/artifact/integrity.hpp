// Whether an artifact's bytes are those that were built, and stay so while it is in use.
//
// The header holds the SHA-256 of everything that follows it. Hashing takes half a millisecond per MiB, so a small
// artifact is compared when it is opened. A larger one is hashed by a thread of its own while the model is loaded and
// runs; whoever wants to hand out a result calls check(), which waits for the comparison. Nothing computed from altered
// bytes leaves the process, and a start still takes milliseconds.
#pragma once

#include "artifact/artifact.hpp"
#include "base/digest.hpp"

#include <atomic>
#include <functional>
#include <future>
#include <string>

namespace modelctl::artifact {

class Integrity {
 public:
  // Up to this size the digest is compared at once.
  static constexpr std::uint64_t compared_at_once = 4 << 20;

  // `parts` are hashed in order and stay mapped for as long as `file`, which is asked by each check() whether it
  // changed. Fails with untrusted, code "digest-mismatch", if the digest is another one, here or later in check().
  static Result<std::shared_ptr<const Integrity>> compare(std::vector<ByteSpan> parts, const Digest& expected,
                                                          std::shared_ptr<const MappedFile> file,
                                                          std::string_view name);
  // Without a digest: the bytes were verified, and `unchanged` is asked by each check().
  explicit Integrity(std::function<Result<void>()> unchanged) : unchanged_(std::move(unchanged)) {}
  ~Integrity();
  Integrity(const Integrity&) = delete;
  Integrity& operator=(const Integrity&) = delete;

  // Called at the end of every run: an atomic load, and a system call if a file is watched. Fails with untrusted:
  // code digest-mismatch for other bytes than the header's digest has, file-changed if somebody wrote to the file
  // since. Thread-safe.
  Result<void> check() const;

 private:
  bool hash_matches(const std::vector<ByteSpan>& parts, const Digest& expected) const;

  std::function<Result<void>()> unchanged_;
  std::string name_;
  std::atomic<bool> abandoned_{false};  // nobody waits for the comparison any longer
  std::shared_future<bool> matches_;    // absent: nothing was to be compared
};

}  // namespace modelctl::artifact
