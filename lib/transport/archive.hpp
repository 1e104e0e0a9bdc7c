// A package's archive as pieces that lie apart in memory, in order: what a plain host or a file gets, from a mapped
// archive and from an unpacked folder alike.
#pragma once

#include "package/package.hpp"

#include <deque>
#include <vector>

namespace modelctl::transport {

struct Archive {
  std::vector<ByteSpan> pieces;  // views into the package and into `made`
  std::uint64_t size = 0;
  std::deque<std::string> made;  // headers and padding

  // Lets go of the package's content in the bytes [from, to) of the archive: they were sent.
  void let_go(const package::Package& package, std::uint64_t from, std::uint64_t to) const;
};

// `package` must outlive the answer.
Archive archive_of(const package::Package& package);

}  // namespace modelctl::transport
