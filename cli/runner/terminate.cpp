// What ends a program when an exception meets no handler: libstdc++'s own names the type, for which it brings the
// demangler along, 50 KB of a small runner. Ours exist only for lack of memory where nothing can be done about it.
#include <cstdlib>

namespace __gnu_cxx {
void __verbose_terminate_handler();
void __verbose_terminate_handler() { std::abort(); }
}  // namespace __gnu_cxx
