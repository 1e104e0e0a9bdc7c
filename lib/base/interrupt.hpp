// Whether work that has begun must end early, because of a signal or a time limit. It is cheap enough for inner loops
// over tiles or rows, and any thread may call it.
#pragma once

namespace modelctl {

class Interrupt {
 public:
  virtual ~Interrupt() = default;
  // Once true it stays true. Who gets true leaves its loop: what it was computing is incomplete, and whoever started
  // the work discards it.
  virtual bool requested() const = 0;
};

}  // namespace modelctl
