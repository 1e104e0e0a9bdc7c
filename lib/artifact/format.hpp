// The bytes of the plan, both ways. Internal to the component.
#pragma once

#include "artifact/artifact.hpp"
#include "artifact/plan.hpp"
#include "artifact/strings.hpp"
#include "base/bytes.hpp"
#include "base/digest.hpp"

namespace modelctl::artifact {

inline constexpr std::string_view magic = "modelrt\n";
// Readers take their own version only: a plan names kernels, whose packed weights are as fixed as the format.
inline constexpr std::uint32_t format_version = 3;
inline constexpr std::size_t header_bytes = 64;
inline constexpr std::uint64_t page = 4096;
inline constexpr std::uint64_t weight_alignment = 64;

struct Header {
  std::uint64_t plan_bytes = 0;     // after the header, without the padding
  std::uint64_t weights_bytes = 0;  // from weights_offset() on
  Digest digest;                    // of what follows the header: plan, padding and weights

  std::uint64_t weights_offset() const { return (header_bytes + plan_bytes + page - 1) / page * page; }
};

void encode(const Header& header, ByteWriter& out);
Result<Header> decode_header(ByteSpan bytes, std::string_view name);

void encode(const Plan& plan, ByteWriter& out);
// Every length is checked against the bytes left; what the numbers mean is checked by check(). Fails with bad_input,
// code bad-artifact, naming the byte of the plan at which reading failed. `name` is the file's, for messages.
Result<Plan> decode_plan(ByteSpan bytes, std::string_view name);

// Opens the bytes of a whole artifact within a mapped file, and compares their digest.
Result<Artifact> open_whole(ByteSpan bytes, std::shared_ptr<const MappedFile> file, std::string_view name);

// Everything that the runtime relies on: indices, offsets, sizes, order. `weights` are read for strings only.
void check(const Plan& plan, ByteSpan weights, Faults& faults);

}  // namespace modelctl::artifact
