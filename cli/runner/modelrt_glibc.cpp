// What libstdc++ takes from the C library since 2.32 and a release's shared runner cannot, because it must load with
// older ones: while this is true, references are counted without atomic instructions. Here it never is.
extern "C" {
extern char __libc_single_threaded __attribute__((visibility("hidden")));
char __libc_single_threaded = 0;
}
