// What cloud platforms tell a container by its environment.
#pragma once

#include "base/host.hpp"
#include "serve/settings.hpp"

namespace modelctl::serve {

// The settings that the platform's variables ask for. Flags come before them, and they before modelctl.yaml, which is
// the same wherever the container runs.
GivenSettings platform_settings(const Environment& environment);

}  // namespace modelctl::serve
