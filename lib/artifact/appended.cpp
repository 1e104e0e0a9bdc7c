// Finds the artifact at the end of an executable file by its footer. The offsets in the footer are checked against the
// file.
#include "artifact/appended.hpp"

#include "artifact/format.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace modelctl::artifact {
namespace {

constexpr std::string_view footer_magic = "modelrt>";
constexpr std::uint32_t footer_version = 1;

}  // namespace

std::uint64_t appended_offset(std::uint64_t program_bytes) { return (program_bytes + page - 1) / page * page; }

std::array<std::byte, footer_bytes> make_footer(std::uint64_t offset, std::uint64_t size) {
  ByteWriter out;
  out.append(as_bytes(footer_magic));
  out.u32(footer_version);
  out.u32(0);
  out.u64(offset);
  out.u64(size);
  std::array<std::byte, footer_bytes> footer;
  std::copy(out.bytes().begin(), out.bytes().end(), footer.begin());
  return footer;
}

bool ends_in_artifact(ByteSpan last) {
  return last.size() >= footer_bytes && as_text(last.last(footer_bytes)).starts_with(footer_magic);
}

// The footer is trusted for nothing: its offset and size must describe exactly the bytes before it, and the artifact's
// own header must agree with them.
Result<Artifact> open_appended(const std::filesystem::path& path, std::string_view name) {
  // The footer alone decides: a program without an artifact, which is what a plain runner is, is not read any further.
  Descriptor file = TRY(open_file(path));
  std::uint64_t file_size = TRY(size_of(file, path, true));
  std::array<std::byte, footer_bytes> last{};
  bool has_footer = file_size >= footer_bytes && read_all_at(file.number(), last, file_size - footer_bytes);
  if (!has_footer || !ends_in_artifact(last)) {
    return Error(Kind::not_found, "no-artifact-inside", fmt::format("cannot find a model in '{}'", name))
        .at(std::string(name))
        .because("the file does not end in an artifact; stripping or packing a linked program removes it");
  }
  ByteReader footer(ByteSpan(last).subspan(footer_magic.size()));
  std::uint32_t version = footer.u32(), reserved = footer.u32();
  std::uint64_t offset = footer.u64(), size = footer.u64();
  std::uint64_t end = file_size - footer_bytes;
  if (footer.failed() || version != footer_version || reserved != 0 || offset % page != 0 || offset > end ||
      size != end - offset) {
    return Error(Kind::bad_input, "bad-artifact", fmt::format("cannot read the model in '{}': it is damaged", name))
        .at(std::string(name));
  }
  // The same descriptor that the footer was read from: the path may lead to another file by now.
  auto mapped = TRY(MappedFile::map_stable_part(std::move(file), path, offset, size));
  return open_whole(mapped->bytes(), mapped, name);
}

}  // namespace modelctl::artifact
