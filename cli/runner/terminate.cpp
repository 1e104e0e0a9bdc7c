// Replaces libstdc++'s terminate handler, which prints the type of the exception and links the demangler for that, 50
// KB of a small runner. Only running out of memory can terminate a runner, and then there is nothing to print.
#include <cstdlib>

namespace __gnu_cxx {
void __verbose_terminate_handler();
void __verbose_terminate_handler() { std::abort(); }
}  // namespace __gnu_cxx
