// .npz: named arrays, a ZIP archive of .npy files as numpy.savez and savez_compressed write it. Written
// archives are not compressed, because floats hardly shrink. The entries' names are names of arrays, never paths.
#include "archive/reader.hpp"
#include "tensor/formats/npy.hpp"
#include "tensor/utf8.hpp"
#include "tensor/zip_writer.hpp"

#include <fmt/format.h>

namespace modelctl::formats {
namespace {

constexpr std::string_view suffix = ".npy";

// Entries other than .npy are refused: an archive of something else is probably the wrong file.
Result<void> read_entries(const Source& source, std::vector<NamedTensor>& tensors) {
  archive::Reader reader(source.bytes, TRY(archive::decode_zip(source.bytes)), source.options.stop,
                         {.bytes = source.options.unpacked_bytes});
  while (const archive::Entry* entry = TRY(reader.next())) {
    std::string_view name = entry->name;
    if (entry->type != archive::Entry::Type::file || !name.ends_with(suffix)) {
      return unreadable(source.where, fmt::format("its entry '{}' is not a .npy file", name));
    }
    name.remove_suffix(suffix.size());
    // Names of tensors are text everywhere else: in models, and in the JSON that is written.
    if (!is_utf8(name)) {
      return unreadable(source.where, fmt::format("the name of its entry '{}' is not UTF-8", to_utf8(entry->name)));
    }
    ByteSpan bytes = TRY(reader.content());
    Tensor tensor = TRY(read_npy(bytes, source.find(name), fmt::format("{}:{}", source.where, entry->name)));
    tensors.push_back({std::string(name), std::move(tensor)});
  }
  return {};
}

// What an archive is refused for is a reason.
Result<std::vector<NamedTensor>> read(const Source& source) {
  std::vector<NamedTensor> tensors;
  auto done = read_entries(source, tensors);
  if (done) return tensors;
  if (done.error().code != "bad-archive") return std::move(done).error();
  return unreadable(source.where, std::move(done.error().what));
}

Result<std::vector<std::byte>> write(std::span<const NamedTensor> tensors) {
  ZipWriter zip;
  for (const NamedTensor& named : tensors) { zip.add(named.name + std::string(suffix), TRY(write_npy(named.tensor))); }
  return zip.finish();
}

}  // namespace

std::span<const Format> npz_format() {
  static constexpr Format table[] = {
      {".npz", "named arrays, as NumPy saves them", true, read, write,
       [](std::string_view content) { return content.starts_with("PK\x03\x04") || content.starts_with("PK\x05\x06"); },
       "application/x-npz"}};
  return table;
}

}  // namespace modelctl::formats
