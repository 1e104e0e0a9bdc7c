// The decoder of ZIP archives in linked programs. It passes tests/archive/zip_test.cpp too, and each part of a
// directory that it does not understand is refused.
#include "archive/archive_support.hpp"
#include "tensor/zip_writer.hpp"

using namespace modelctl;
using namespace modelctl::archive;

namespace {

std::string two() {
  ZipWriter zip;
  zip.add("x", as_bytes("first"));
  zip.add("group/y", as_bytes("second"));
  return std::string(as_text(zip.finish()));
}

}  // namespace

TEST_CASE("what NumPy does not write is refused by name") {
  CHECK(listing(file("bzip2.npz")) == "its entry 'x.npy' is packed by method 12; 0 and 8 can be read");
  CHECK(listing(file("preceded.npz")) == "its directory is not where it should be");
}

TEST_CASE("what the directory claims must be there") {
  CHECK(listing(patched(two(), end_magic, 10, "\xff\x7f")) == "its directory claims more entries than it has");
  CHECK(listing(patched(two(), end_magic, 10, std::string("\x01\0", 2))) ==
        "its directory has more entries than it claims");
  CHECK(listing(patched(two(), entry_magic, 8, "\x01")) == "its entry 'group/y' is encrypted");
  CHECK(listing(patched(two(), entry_magic, 20, "\xff\xff\xff\x7f")) ==
        "its entry 'group/y' does not lie in the archive");
  CHECK(listing(patched(two(), entry_magic, 24, "\xff")) == "its entry 'group/y' has two different sizes");
  CHECK(listing(patched(two(), entry_magic, 42, "\xff\xff\xff\x7f")) ==
        "its entry 'group/y' does not lie in the archive");
  CHECK(listing(patched(two(), entry_magic, 46, "G")) == "its entry 'Group/y' is not what the directory says");
  CHECK(listing(patched(two(), local_magic, 0, "XX")) == "its entry 'group/y' does not lie in the archive");
}

TEST_CASE("an extra field that is longer than its place is refused") {
  CHECK(listing(file("extra_field_too_long.npz")) == "its directory is damaged");
}
