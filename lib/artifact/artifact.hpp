// The artifact: a compiled model as one file.
//
//   header     64 bytes: magic, version, sizes of the two parts, SHA-256 of the weights
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
#include <map>
#include <memory>

namespace modelctl::artifact {

// An artifact that was opened and checked: every index, offset and size in the plan lies within bounds, the steps are
// in execution order, and no two constants' claims exceed the weights part.
struct Artifact {
  Plan plan;
  ByteSpan plan_part;
  ByteSpan weights;  // 64-byte aligned
  // Keeps the bytes alive; share it with whatever outlives this struct.
  std::shared_ptr<const void> owner;
};

// Opens a file. Fails with bad_input where it is no artifact, of another version, cut or inconsistent.
Result<Artifact> open(const std::filesystem::path& path);
// Opens the two parts where they lie (entries of a mapped package, the tail of an executable); `name` is for messages.
Result<Artifact> open(ByteSpan plan_part, ByteSpan weights, std::shared_ptr<const void> owner, std::string_view name);
// Whether a file begins as artifacts do.
bool is_artifact(ByteSpan bytes);
// Where the weights part begins in a file whose first 64 bytes these are.
Result<std::uint64_t> weights_offset(ByteSpan header, std::string_view name);
// Compares the weights with the digest in the header. Opening does not: who runs a model has verified the package or
// made the artifact, and a start in milliseconds reads no weight that it does not use.
Result<void> verify_weights(const Artifact& artifact, std::string_view name);

// Collects constants while a plan is made, one copy of equal ones, and writes the file without holding a second copy.
class Writer {
 public:
  // Where a constant lies in the weights part: what PlanValue::offset and ::bytes are to say.
  struct Place {
    std::uint64_t offset;
    std::uint64_t bytes;
  };
  // Shares the tensor's memory, until write(); a string tensor is encoded here.
  Place add(const Tensor& tensor);
  std::uint64_t weights_bytes() const { return end_; }
  // Complete or absent.
  Result<void> write(const Plan& plan, const std::filesystem::path& path) const;

 private:
  struct Block {
    Tensor tensor;
    std::uint64_t offset;
  };
  std::vector<Block> blocks_;
  std::multimap<std::uint64_t, std::size_t> by_hash_;
  std::uint64_t end_ = 0;
};

}  // namespace modelctl::artifact
