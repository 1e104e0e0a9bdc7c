// What a model could do if it had taken over the process that runs it.
#include "serve/worker/operators.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

namespace modelctl::test {

Result<void> misbehave(const runtime::Call& call, runtime::Outputs& outputs) {
  const TensorView& x = call.input(0);
  auto from = x.as<float>();
  auto to = TRY(outputs.allocate(0, DType::f32, x.dims)).as<float>();
  std::transform(from.begin(), from.end(), to.begin(), [](float value) { return 2 * value; });
  switch (from.empty() ? 0 : static_cast<int>(from[0])) {
    case crash: std::raise(SIGSEGV); break;
    case hang:
      for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
    case open_socket: to[0] = static_cast<float>(::socket(AF_INET, SOCK_STREAM, 0)); break;
    case open_file: to[0] = static_cast<float>(::open("/etc/passwd", O_RDONLY | O_CLOEXEC)); break;
    case end_process: ::_exit(3);
    case take_memory: to[0] = std::vector<float>(1 << 28, 1.0F).back(); break;
    default: break;
  }
  return {};
}

}  // namespace modelctl::test
