// The pieces of an archive, in the order of its layout: the head (both documents), then for each entry its header, its
// content and its padding, then the end. Only the content is large, and it is a view into the mapped package; all else
// is made here. So a package of any size is sent without a copy, and its pages are released behind the sender.
#include "transport/archive.hpp"

#include <algorithm>

namespace modelctl::transport {

Archive archive_of(const package::Package& package) {
  package::Layout layout = package.layout();
  Archive archive;
  archive.size = layout.size();
  auto make = [&](std::string bytes) {
    archive.made.push_back(std::move(bytes));
    archive.pieces.push_back(as_bytes(archive.made.back()));
  };
  make(layout.head(package.manifest_text(), package.bundle_text()));
  const auto& slots = layout.slots();
  for (std::size_t i = 2; i < slots.size(); ++i) {
    make(layout.header(slots[i]));
    archive.pieces.push_back(package.content(i - 2));
    make(std::string(slots[i].end - slots[i].at - slots[i].size, '\0'));
  }
  make(std::string(2 * package::tar_block, '\0'));
  return archive;
}

void Archive::release(const package::Package& package, std::uint64_t from, std::uint64_t to) const {
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < pieces.size() && at < to; at += pieces[i++].size()) {
    bool content = i % 3 == 2 && i + 1 < pieces.size();  // head, then header, content and padding of each entry
    std::uint64_t first = std::max(from, at), last = std::min(to, at + pieces[i].size());
    if (content && first < last) package.release(pieces[i].subspan(first - at, last - first));
  }
}

}  // namespace modelctl::transport
