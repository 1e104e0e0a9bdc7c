// The artifact: a compiled model as one file.
//
//   header     64 bytes: magic, version, sizes of the two parts, SHA-256 of everything after the header
//   plan       the Plan (plan.hpp), padded with zeros to a multiple of 4096
//   weights    the constants, each 64-byte aligned; mapped, never copied
//
// Header and plan together are the *plan part*, the rest the *weights part*: a package keeps them as two entries, whose
// concatenation is the file. Everything is little-endian. Same plan and weights, same bytes.
#pragma once

#include "artifact/plan.hpp"
#include "base/files.hpp"
#include "base/result.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>

namespace modelctl::artifact {

class Integrity;
class SpillFile;

// An artifact that was opened and checked: every index, offset and size in the plan lies within bounds, the steps are
// in execution order, and no two constants' claims exceed the weights part.
struct Artifact {
  Plan plan;
  ByteSpan plan_part;
  ByteSpan weights;  // 64-byte aligned
  // Keeps the bytes alive; share it with whatever outlives this struct.
  std::shared_ptr<const void> owner;
  // Whether the bytes are and stay what was built; null if nothing can be said about it. A session asks before it
  // returns outputs, so that nothing altered is run.
  std::shared_ptr<const Integrity> integrity;
  // The mapped files that hold the two parts; none if they are in other memory.
  std::vector<std::shared_ptr<const MappedFile>> files = {};
};

// Opens a file. Fails with bad_input if it is not an artifact, is of another version, cut or inconsistent, and with
// untrusted if it was altered (integrity.hpp says when that is found).
Result<Artifact> open(const std::filesystem::path& path);
// Opens the two parts where they lie (entries of a mapped package); `name` is for messages. Their digest is not
// compared: the caller has verified them.
Result<Artifact> open(ByteSpan plan_part, ByteSpan weights, std::shared_ptr<const void> owner, std::string_view name);
// Whether a file begins as artifacts do.
bool is_artifact(ByteSpan bytes);
// Where the weights part begins in a file whose first 64 bytes these are.
Result<std::uint64_t> weights_offset(ByteSpan header, std::string_view name);
// Collects constants while a plan is made, one copy of equal ones, and writes the file without holding a second copy.
class Writer {
 public:
  // Large constants that are handed over go to a file without a name in `folder` until write() needs them, so that
  // memory holds few of them at a time. Without it, or if no file can be made there, they stay in memory.
  void spill_to(std::filesystem::path folder) { folder_ = std::move(folder); }
  // Where a constant is in the weights part: PlanValue::offset and ::bytes.
  struct WeightRange {
    std::uint64_t offset;
    std::uint64_t bytes;
  };
  // Shares the tensor's memory, until write(); a string tensor is encoded here.
  WeightRange add(const Tensor& tensor);
  // The same for a tensor that nobody else holds, such as packed weights.
  WeightRange add(Tensor&& tensor);
  std::uint64_t weights_bytes() const { return end_; }
  // Complete or absent.
  Result<void> write(const Plan& plan, const std::filesystem::path& path) const;

 private:
  struct Block {
    Tensor tensor;         // absent: the content is in the spill
    std::uint64_t offset;  // in the weights part
    std::uint64_t bytes;
    std::uint64_t spilled = 0;  // where in the spill
  };
  WeightRange store(Tensor stored, bool ours);
  bool spill(ByteSpan bytes, std::uint64_t& at);
  // Calls body(part) for the block's content, part by part, until it fails.
  Result<void> for_each_part(const Block& block, const std::function<Result<void>(ByteSpan)>& body) const;
  bool holds(const Block& block, ByteSpan bytes) const;

  std::filesystem::path folder_;
  std::shared_ptr<const SpillFile> spill_;
  std::uint64_t held_ = 0;  // bytes of ours in memory
  std::vector<Block> blocks_;
  std::multimap<std::uint64_t, std::size_t> by_hash_;
  std::uint64_t end_ = 0;
};

}  // namespace modelctl::artifact
