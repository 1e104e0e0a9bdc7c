// What libarchive reads and the runner's decoder does not.
#include "archive_support.hpp"

#include <clocale>

using namespace modelctl;
using namespace modelctl::archive;

TEST_CASE("entries may be compressed by bzip2, but not by methods whose headers name the memory to allocate") {
  CHECK(listing(file("bzip2.npz")) == "x.npy 152, y.npy 136");
  CHECK(listing(file("lzma.npz")) ==
        "its entry 'x.npy' is compressed as ZIP 6.3 (lzma); only deflate and bzip2 can be read");
}

TEST_CASE("data before the first entry is not read") { CHECK(listing(file("preceded.npz")) == "x.npy 152, y.npy 136"); }

TEST_CASE("the process's locale is not changed") {
  std::string before = std::setlocale(LC_ALL, nullptr);
  CHECK(listing(file("names.npz")).starts_with("größe.npy"));
  CHECK(before == std::setlocale(LC_ALL, nullptr));
}

TEST_CASE("the text of libarchive is the last thing in a message") {
  std::string bytes = file("numpy_savez.npz");
  bytes[bytes.find("x.npy") + 140] ^= 1;
  CHECK(listing(bytes).starts_with("its entry 'x.npy' cannot be unpacked: ZIP bad CRC: "));
}

TEST_CASE("a directory with fewer entries than the end record claims is refused") {
  std::string bytes = patched(file("numpy_savez.npz"), end_magic, 10, std::string("\x03\0", 2));
  CHECK(listing(patched(bytes, end_magic, 8, std::string("\x03\0", 2))) ==
        "its directory claims 3 entries, and 2 can be found");
}
