// SPDX license expressions (SPDX specification 2.3, annex D).
#pragma once

#include "base/result.hpp"

#include <string_view>
#include <vector>

namespace modelctl::package {

// Fails with bad_config, code bad-license, if a text is not an expression. Which licenses there are changes with each
// version of SPDX's list: a warning, code unknown-license, for each license that is not one of the common ones, and no
// LicenseRef- of the user's own.
Result<std::vector<Error>> check_license(std::string_view expression);

}  // namespace modelctl::package
