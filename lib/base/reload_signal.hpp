// SIGHUP, by which operators ask a server to read its files again.
#pragma once

#include <csignal>

namespace modelctl {

// While one exists, the signal is noted instead of ending the process. There is one at a time.
class ReloadSignal {
 public:
  ReloadSignal();
  ~ReloadSignal();  // what the signal did before
  ReloadSignal(const ReloadSignal&) = delete;
  ReloadSignal& operator=(const ReloadSignal&) = delete;

  // Whether the signal came since the last call.
  bool take();

 private:
  struct sigaction before_ {};
};

}  // namespace modelctl
