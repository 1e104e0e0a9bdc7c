// Commands that are shown to a user, to be copied to a shell.
#pragma once

#include <string>
#include <string_view>

namespace modelctl {

// A word that a POSIX shell takes as the text.
std::string shell_word(std::string_view text);

}  // namespace modelctl
