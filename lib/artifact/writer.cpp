// Writes each weight aligned, and equal ones only once. Large packed weights can
// be spilled to an unlinked file until they are written.
#include "artifact/artifact.hpp"
#include "artifact/format.hpp"
#include "base/check.hpp"
#include "base/descriptor.hpp"

#include <fmt/core.h>

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace modelctl::artifact {
namespace {

// Finds candidates for equality only; the bytes themselves decide.
std::uint64_t hash(ByteSpan bytes) {
  std::uint64_t state = 0x9E3779B97F4A7C15u ^ bytes.size();
  auto mix = [&](std::uint64_t word) {
    state = (state ^ word) * 0xFF51AFD7ED558CCDu;
    state ^= state >> 32;
  };
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + at, 8);
    mix(word);
  }
  for (; at < bytes.size(); ++at) mix(static_cast<std::uint64_t>(bytes[at]));
  return state;
}

constexpr std::byte zeros[page] = {};

// What is small stays in memory, and so does what does not add up to much.
constexpr std::uint64_t worth_spilling = 1 << 20, kept_in_memory = 64 << 20, part = 1 << 20;

Result<void> write_zeros(AtomicFile& file, Sha256* digest, std::uint64_t count) {
  ByteSpan gap(zeros, count);
  if (digest != nullptr) digest->update(gap);
  return file.write(gap);
}

}  // namespace

// A file that has lost its name already: it goes when it is closed, whatever happens.
class SpillFile {
 public:
  static std::shared_ptr<SpillFile> create(const std::filesystem::path& folder) {
    std::string name = ((folder.empty() ? "." : folder) / ".modelctl.weights.XXXXXX").string();
    Descriptor file(::mkostemp(name.data(), O_CLOEXEC));
    if (!file.is_open()) return nullptr;
    ::unlink(name.c_str());
    return std::shared_ptr<SpillFile>(new SpillFile(std::move(file)));
  }

  bool append(ByteSpan bytes) const { return write_all(file_.number(), bytes); }
  bool read(std::uint64_t at, std::span<std::byte> into) const { return read_all_at(file_.number(), into, at); }
  std::uint64_t size() const { return static_cast<std::uint64_t>(::lseek(file_.number(), 0, SEEK_END)); }

 private:
  explicit SpillFile(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

bool Writer::spill(ByteSpan bytes, std::uint64_t& at) {
  if (folder_.empty() || bytes.size() < worth_spilling || held_ + bytes.size() <= kept_in_memory) return false;
  if (spill_ == nullptr) spill_ = SpillFile::create(folder_);
  if (spill_ == nullptr) {
    folder_.clear();
    return false;
  }
  at = spill_->size();
  if (spill_->append(bytes)) return true;
  folder_.clear();  // the disk may be full: what was spilled before stays valid
  return false;
}

// Part by part, because a single constant may have gigabytes: what was spilled to save memory must not come back whole.
Result<void> Writer::for_each_part(const Block& block, const std::function<Result<void>(ByteSpan)>& body) const {
  if (block.tensor.present()) return body(block.tensor.bytes());
  std::vector<std::byte> buffer(std::min(block.bytes, part));
  for (std::uint64_t at = 0; at < block.bytes; at += part) {
    auto into = std::span(buffer).first(std::min(part, block.bytes - at));
    if (!spill_->read(block.spilled + at, into)) {
      return system_error(errno, "cannot read back weights that were put aside", folder_);
    }
    TRY(body(into));
  }
  return {};
}

bool Writer::holds(const Block& block, ByteSpan bytes) const {
  if (block.bytes != bytes.size()) return false;
  auto same = for_each_part(block, [&](ByteSpan content) -> Result<void> {
    bool equal = content.empty() || std::memcmp(content.data(), bytes.data(), content.size()) == 0;
    bytes = bytes.subspan(content.size());
    if (!equal) return Error(Kind::bug, "differs", "the content differs");
    return {};
  });
  return same.has_value();
}

Writer::WeightRange Writer::add(const Tensor& tensor) {
  if (tensor.type() != DType::string) return store(tensor, false);
  auto bytes = std::make_shared<std::vector<std::byte>>(encode_strings(tensor.as<std::string>()));
  return store(Tensor(DType::u8, {static_cast<std::int64_t>(bytes->size())}, bytes, bytes->data()), false);
}

Writer::WeightRange Writer::add(Tensor&& tensor) {
  if (tensor.type() == DType::string) return add(tensor);
  return store(std::move(tensor), true);
}

// Equal constants are stored once: converters repeat scales, zero points and shapes a thousand times. The hash finds
// candidates and the bytes decide, so a collision costs a comparison and never a wrong constant. What is spilled is
// compared by reading it back.
Writer::WeightRange Writer::store(Tensor stored, bool ours) {
  ByteSpan bytes = stored.bytes();
  std::uint64_t key = hash(bytes);
  auto [first, last] = by_hash_.equal_range(key);
  for (; first != last; ++first) {
    const Block& block = blocks_[first->second];
    if (holds(block, bytes)) return {block.offset, bytes.size()};
  }
  std::uint64_t offset = (end_ + weight_alignment - 1) / weight_alignment * weight_alignment;
  by_hash_.emplace(key, blocks_.size());
  end_ = offset + bytes.size();
  Block block{{}, offset, bytes.size()};
  if (!ours || !spill(bytes, block.spilled)) {
    if (ours) held_ += bytes.size();
    block.tensor = std::move(stored);
  }
  WeightRange range{offset, block.bytes};
  blocks_.push_back(std::move(block));
  return range;
}

// In one pass: the header goes out first with an empty digest and is written again at the end, because the digest
// covers what follows it, and reading the weights twice would double the time for large models.
Result<void> Writer::write(const Plan& plan, const std::filesystem::path& path) const {
  ByteWriter head;
  Header header;
  encode(header, head);
  encode(plan, head);
  header.plan_bytes = head.size() - header_bytes;
  header.weights_bytes = end_;
  head.align(page);
  Sha256 digest;
  digest.update(ByteSpan(head.bytes()).subspan(header_bytes));

  auto file = TRY(AtomicFile::create(path));
  TRY(file.write(head.bytes()));
  std::uint64_t at = 0;
  for (const Block& block : blocks_) {
    TRY(write_zeros(file, &digest, block.offset - at));
    TRY(for_each_part(block, [&](ByteSpan content) -> Result<void> {
      digest.update(content);
      return file.write(content);
    }));
    at = block.offset + block.bytes;
  }
  // The weights are read once: the digest is known now, and goes to the header, which was left open for it.
  header.digest = digest.finish();
  ByteWriter final_header;
  encode(header, final_header);
  if (!write_all_at(file.descriptor(), final_header.bytes(), 0)) {
    return system_error(errno, fmt::format("cannot write '{}'", path.string()), path);
  }
  return file.commit();
}

}  // namespace modelctl::artifact
