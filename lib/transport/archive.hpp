// A package's archive as a list of pieces in different places of memory. It can be made of a mapped archive and of an
// unpacked folder, and is what a plain host or a file receives.
#pragma once

#include "package/package.hpp"

#include <deque>
#include <vector>

namespace modelctl::transport {

struct Archive {
  std::vector<ByteSpan> pieces;  // views into the package and into `made`
  std::uint64_t size = 0;
  std::deque<std::string> made;  // headers and padding

  // Releases the pages of the package's content in the bytes [from, to) of the archive, which were sent.
  void release(const package::Package& package, std::uint64_t from, std::uint64_t to) const;
};

// `package` must outlive the result.
Archive archive_of(const package::Package& package);

}  // namespace modelctl::transport
