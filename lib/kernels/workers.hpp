// The threads that a kernel may spread its tiles over. Tile boundaries never depend on how many threads there are, and
// no sum is split between tiles, so that results are bitwise equal at any thread count.
#pragma once

#include <cstdint>
#include <type_traits>

namespace modelctl::kernels {

class Workers {
 public:
  virtual ~Workers() = default;
  virtual int threads() const = 0;

  // Calls body(tile) once for each tile in [0, tiles), in any order, on any of the threads; returns when all are done.
  // An implementation may skip tiles once the run is interrupted; the outputs are then discarded.
  // The body must not throw and must not call back into the same Workers.
  template <class Body>
  void for_each_tile(std::int64_t tiles, Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    run(
        tiles, [](void* context, std::int64_t tile) { (*static_cast<Plain*>(context))(tile); }, &body);
  }

 protected:
  using Function = void (*)(void* context, std::int64_t tile);
  virtual void run(std::int64_t tiles, Function function, void* context) = 0;
};

// The calling thread alone.
class Alone final : public Workers {
 public:
  int threads() const override { return 1; }

 protected:
  void run(std::int64_t tiles, Function function, void* context) override {
    for (std::int64_t tile = 0; tile < tiles; ++tile) function(context, tile);
  }
};

}  // namespace modelctl::kernels
