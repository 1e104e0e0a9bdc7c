// .npz: named arrays, a ZIP archive of .npy files as numpy.savez and savez_compressed write it. Written
// archives are not compressed, because floats hardly shrink.
#include "tensor/formats/npy.hpp"
#include "tensor/zip.hpp"

#include <fmt/format.h>

namespace modelctl::formats {
namespace {

constexpr std::string_view suffix = ".npy";

// Entries other than .npy are refused: an archive of something else is probably the wrong file.
Result<std::vector<NamedTensor>> read(const Source& source) {
  auto entries = read_zip(source.bytes);
  if (!entries) return unreadable(source.where, entries.error().what);
  std::vector<NamedTensor> tensors;
  for (const ZipEntry& entry : *entries) {
    std::string_view name = entry.name;
    if (!name.ends_with(suffix)) {
      return unreadable(source.where, fmt::format("its entry '{}' is not a .npy file", entry.name));
    }
    name.remove_suffix(suffix.size());
    auto bytes = unpack(entry);
    if (!bytes) return unreadable(source.where, bytes.error().what);
    Tensor tensor = TRY(read_npy(*bytes, source.find(name), fmt::format("{}:{}", source.where, entry.name)));
    tensors.push_back({std::string(name), std::move(tensor)});
  }
  return tensors;
}

Result<std::vector<std::byte>> write(std::span<const NamedTensor> tensors) {
  ZipWriter zip;
  for (const NamedTensor& named : tensors) { zip.add(named.name + std::string(suffix), TRY(write_npy(named.tensor))); }
  return zip.finish();
}

}  // namespace

std::span<const Format> npz_format() {
  static constexpr Format table[] = {
      {".npz", "named arrays, as NumPy saves them", true, read, write, [](std::string_view content) {
         return content.starts_with("PK\x03\x04") || content.starts_with("PK\x05\x06");
       }}};
  return table;
}

}  // namespace modelctl::formats
