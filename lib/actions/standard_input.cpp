// The file is called "standard-input", which is what the model is called if it has no name.
#include "actions/standard_input.hpp"

#include "base/descriptor.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <vector>

namespace modelctl::actions {
namespace fs = std::filesystem;
namespace {

void replace_all(std::string& text, const std::string& from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) text.replace(at, from.size(), to);
}

}  // namespace

Error StandardInput::named(Error error) const {
  auto name_in = [&](std::string& text) {
    replace_all(text, file().string(), name);
    replace_all(text, (folder_.path() / "").string(), "");
  };
  for (std::string* text : {&error.what, &error.where, &error.hint}) name_in(*text);
  for (std::string& reason : error.why) name_in(reason);
  for (Error& fault : error.faults) fault = named(std::move(fault));
  return error;
}

Result<std::shared_ptr<const StandardInput>> take_standard_input(fs::path& model) {
  if (model != "-") return std::shared_ptr<const StandardInput>();
  auto input = std::make_shared<const StandardInput>(TRY(TemporaryFolder::create(fs::temp_directory_path())));
  fs::path file = input->file();
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
  return input;
}

}  // namespace modelctl::actions
