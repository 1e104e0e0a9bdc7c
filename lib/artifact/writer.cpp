#include "artifact/artifact.hpp"
#include "artifact/format.hpp"
#include "base/check.hpp"

#include <fmt/core.h>

#include <unistd.h>
#include <cerrno>

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

Result<void> write_zeros(AtomicFile& file, Sha256* digest, std::uint64_t count) {
  ByteSpan gap(zeros, count);
  if (digest != nullptr) digest->update(gap);
  return file.write(gap);
}

}  // namespace

Writer::Place Writer::add(const Tensor& tensor) {
  Tensor stored = tensor;
  if (tensor.type() == DType::string) {
    auto bytes = std::make_shared<std::vector<std::byte>>(encode_strings(tensor.as<std::string>()));
    stored = Tensor(DType::u8, {static_cast<std::int64_t>(bytes->size())}, bytes, bytes->data());
  }
  ByteSpan bytes = stored.bytes();
  std::uint64_t key = hash(bytes);
  auto [first, last] = by_hash_.equal_range(key);
  for (; first != last; ++first) {
    const Block& block = blocks_[first->second];
    ByteSpan other = block.tensor.bytes();
    if (other.size() == bytes.size() && (bytes.empty() || std::memcmp(other.data(), bytes.data(), bytes.size()) == 0)) {
      return {block.offset, bytes.size()};
    }
  }
  std::uint64_t offset = (end_ + weight_alignment - 1) / weight_alignment * weight_alignment;
  by_hash_.emplace(key, blocks_.size());
  blocks_.push_back({std::move(stored), offset});
  end_ = offset + bytes.size();
  return {offset, bytes.size()};
}

Result<void> Writer::write(const Plan& plan, const std::filesystem::path& path) const {
  ByteWriter head;
  Header header;
  encode(header, head);
  encode(plan, head);
  header.plan_bytes = head.size() - header_bytes;
  header.weights_bytes = end_;
  head.align(page);

  auto file = TRY(AtomicFile::create(path));
  TRY(file.write(head.bytes()));
  Sha256 digest;
  std::uint64_t at = 0;
  for (const Block& block : blocks_) {
    TRY(write_zeros(file, &digest, block.offset - at));
    digest.update(block.tensor.bytes());
    TRY(file.write(block.tensor.bytes()));
    at = block.offset + block.tensor.bytes().size();
  }
  // The weights are read once: their digest is known now, and goes to the header, which was left open for it.
  header.weights_digest = digest.finish();
  ByteWriter final_header;
  encode(header, final_header);
  ssize_t written = ::pwrite(file.descriptor(), final_header.bytes().data(), final_header.size(), 0);
  if (written != static_cast<ssize_t>(final_header.size())) {
    return system_error(written < 0 ? errno : ENOSPC, fmt::format("cannot write '{}'", path.string()), path);
  }
  return file.commit();
}

Result<void> verify_weights(const Artifact& artifact, std::string_view name) {
  Header header = TRY(decode_header(artifact.plan_part, name));
  Digest found = Sha256::of(artifact.weights);
  if (found == header.weights_digest) return {};
  return Error(Kind::untrusted, "digest-mismatch", fmt::format("cannot use '{}': its weights were altered", name))
      .at(std::string(name))
      .because(fmt::format("the header says {}, the weights have {}", header.weights_digest.text(), found.text()));
}

}  // namespace modelctl::artifact
