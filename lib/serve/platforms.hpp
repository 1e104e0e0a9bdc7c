// What cloud platforms tell a container by its environment.
#pragma once

#include "base/host.hpp"
#include "serve/settings.hpp"

namespace modelctl::serve {

// The settings that the platform's variables ask for. Flags and modelctl.yaml come before them.
GivenSettings platform_settings(const Environment& environment);

}  // namespace modelctl::serve
