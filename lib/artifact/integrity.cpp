// Comparing an artifact with its digest, in the background if that takes long.
#include "artifact/integrity.hpp"

#include "base/mapped_file.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <system_error>

namespace modelctl::artifact {
namespace {

constexpr std::size_t piece_size = 1 << 20;

Error altered(std::string_view name) {
  return Error(Kind::untrusted, "digest-mismatch", fmt::format("cannot use '{}': it was altered", name))
      .at(std::string(name))
      .because("its content does not have the SHA-256 digest that its header names")
      .help("copy it again, or build the model again");
}

}  // namespace

Result<std::shared_ptr<const Integrity>> Integrity::compare(std::vector<ByteSpan> parts, const Digest& expected,
                                                            std::shared_ptr<const MappedFile> file,
                                                            std::string_view name) {
  auto total = std::accumulate(parts.begin(), parts.end(), std::uint64_t{0},
                               [](std::uint64_t sum, ByteSpan part) { return sum + part.size(); });
  auto made = std::make_shared<Integrity>([file] { return file->check_unchanged(); });
  made->name_ = name;
  if (total > compared_at_once) {
    try {
      // The destructor of the future waits for the thread, so `made` outlives it although the thread does not own it.
      made->matches_ = std::async(std::launch::async, [self = made.get(), parts, expected] {
                         return self->hash_matches(parts, expected);
                       }).share();
      return std::shared_ptr<const Integrity>(std::move(made));
    } catch (const std::system_error&) {}  // no more threads: compare at once
  }
  if (!made->hash_matches(parts, expected)) return altered(name);
  return std::shared_ptr<const Integrity>(std::move(made));
}

bool Integrity::hash_matches(const std::vector<ByteSpan>& parts, const Digest& expected) const {
  Sha256 hash;
  for (ByteSpan part : parts) {
    while (!part.empty() && !abandoned_.load(std::memory_order_relaxed)) {
      ByteSpan piece = part.first(std::min(part.size(), piece_size));
      hash.update(piece);
      part = part.subspan(piece.size());
    }
  }
  return hash.finish() == expected;
}

Integrity::~Integrity() {
  abandoned_ = true;
  if (matches_.valid()) matches_.wait();
}

Result<void> Integrity::check() const {
  if (matches_.valid() && !matches_.get()) return altered(name_);
  return unchanged_ ? unchanged_() : Result<void>();
}

}  // namespace modelctl::artifact
