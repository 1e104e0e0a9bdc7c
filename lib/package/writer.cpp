// The documents in front are written last, into space of known size that was left for them.
#include "package/writer.hpp"

#include "base/check.hpp"
#include "package/signing.hpp"
#include "package/tar.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>

namespace modelctl::package {
namespace {

constexpr std::size_t piece_size = 1u << 20;

Error interrupted() { return Error(Kind::interrupted, "interrupted", "stopped packing; nothing was written"); }

// Copies one entry's content to where the output stands, and hashes it on the way.
class Copier {
 public:
  Copier(AtomicFile& output, Reporter& reporter, const StopToken& stop, std::uint64_t total)
      : output_(output), reporter_(reporter), stop_(stop), total_(total) {}

  Result<Digest> copy(const Content& content) {
    Sha256 hash;
    if (content.file.empty()) {
      TRY(pass_on(as_bytes(content.bytes), hash));
      return hash.finish();
    }
    Descriptor file(::open(content.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return failed(content);
    std::uint64_t done = 0;
    while (done < content.size) {
      std::size_t wanted = std::min<std::uint64_t>(piece_size, content.size - done);
      ssize_t n = read_some_at(file.number(), std::span(piece_).first(wanted), content.offset + done);
      if (n < 0) return failed(content);
      if (n == 0) {
        return Error(Kind::io, "file-changed", fmt::format("cannot pack '{}'", content.file.string()))
            .at(content.file.string())
            .because("it became shorter while it was read");
      }
      TRY(pass_on(ByteSpan(piece_).first(static_cast<std::size_t>(n)), hash));
      done += static_cast<std::uint64_t>(n);
    }
    return hash.finish();
  }

 private:
  static Error failed(const Content& content) {
    return system_error(errno, fmt::format("cannot read '{}'", content.file.string()), content.file);
  }
  Result<void> pass_on(ByteSpan bytes, Sha256& hash) {
    if (stop_.stopped()) return interrupted();
    hash.update(bytes);
    TRY(output_.write(bytes));
    reporter_.progress("packing", done_ += bytes.size(), total_);
    return {};
  }

  AtomicFile& output_;
  Reporter& reporter_;
  const StopToken& stop_;
  std::uint64_t total_, done_ = 0;
  std::vector<std::byte> piece_ = std::vector<std::byte>(piece_size);
};

Result<void> seek(const AtomicFile& file, std::uint64_t at, const std::filesystem::path& path) {
  if (::lseek(file.descriptor(), static_cast<off_t>(at), SEEK_SET) >= 0) return {};
  return system_error(errno, fmt::format("cannot write '{}'", path.string()), path);
}

}  // namespace

Result<Content> Content::of_file(std::filesystem::path file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    return system_error(errno, fmt::format("cannot open '{}'", file.string()), file);
  }
  if (!S_ISREG(status.st_mode)) {
    return Error(Kind::bad_input, "no-regular-file", fmt::format("cannot pack '{}'", file.string()))
        .at(file.string())
        .because("it is not a regular file");
  }
  return of_range(std::move(file), 0, static_cast<std::uint64_t>(status.st_size));
}

Result<Written> write_package(Manifest draft, std::vector<Payload> payload, const PrivateKey& key,
                              const std::filesystem::path& output, Reporter& reporter, const StopToken& stop) {
  std::sort(payload.begin(), payload.end(), [](const Payload& a, const Payload& b) { return a.path < b.path; });
  for (const Payload& one : payload)
    draft.entries.push_back({one.path, one.role, one.executable, one.content.size, {}});
  // The reader is the judge: what it would refuse is never written.
  std::string text = draft.write();
  Manifest manifest = TRY(Manifest::read(text));
  Layout layout(manifest, text.size(), bundle_size(key.algorithm()));

  // Reading the key took a second, and an output that is a FIFO now waits for its reader.
  if (stop.stopped()) return interrupted();
  auto file = TRY(AtomicFile::create(output));
  // The sizes are known and the digests are not: space for the documents is left in front, and the entries follow.
  TRY(seek(file, layout.slots()[1].end, output));
  Copier copier(file, reporter, stop, manifest.payload_size());
  const std::string zeros(2 * tar_block, '\0');
  for (std::size_t i = 0; i < payload.size(); ++i) {
    const Slot& slot = layout.slots()[i + 2];
    TRY(file.write(as_bytes(layout.header(slot))));
    manifest.entries[i].digest =
        TRY_BECAUSE(copier.copy(payload[i].content), fmt::format("packing the entry '{}'", slot.path));
    TRY(file.write(as_bytes(zeros).first(slot.end - slot.at - slot.size)));
  }
  TRY(file.write(as_bytes(zeros)));

  // As long as the first text, since digests have one length: it fits the space exactly.
  text = manifest.write();
  std::string bundle = TRY(sign(manifest_subject, text, key));
  TRY(seek(file, 0, output));
  TRY(file.write(as_bytes(layout.head(text, bundle))));
  TRY(file.commit());
  return Written{std::move(manifest), Sha256::of(as_bytes(text)), layout.size()};
}

}  // namespace modelctl::package
