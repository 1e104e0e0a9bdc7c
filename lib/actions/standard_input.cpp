// The file is called "standard-input", which is what messages say, and what the model is called if it has no name.
#include "actions/standard_input.hpp"

#include "base/descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <vector>

namespace modelctl::actions {
namespace fs = std::filesystem;

Result<std::shared_ptr<const TemporaryFolder>> take_standard_input(fs::path& model) {
  if (model != "-") return std::shared_ptr<const TemporaryFolder>();
  auto folder = std::make_shared<TemporaryFolder>(TRY(TemporaryFolder::create(fs::temp_directory_path())));
  fs::path file = folder->path() / "standard-input";
  Descriptor to(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!to.is_open()) return system_error(errno, "cannot keep the model from standard input", file);
  std::vector<std::byte> buffer(1 << 20);
  bool any = false;
  while (true) {
    // Not repeated after a signal: whoever waits at a terminal wants to stop.
    ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count == 0) break;
    if (count < 0) return system_error(errno, "cannot read the model from standard input", "/dev/stdin");
    any = true;
    if (!write_all(to.number(), ByteSpan(buffer).first(static_cast<std::size_t>(count))))
      return system_error(errno, "cannot keep the model from standard input", file);
  }
  if (!any) return Error(Kind::bad_input, "no-input", "cannot read the model from standard input: it is empty");
  model = file;
  return std::shared_ptr<const TemporaryFolder>(std::move(folder));
}

}  // namespace modelctl::actions
