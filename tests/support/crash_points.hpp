// Kills a piece of work at any system call that changes files, as a power failure would, to see what it leaves behind.
// The calls are intercepted by the linker (--wrap), so the code under test is what users run; tests/CMakeLists.txt
// gives the option to the test programs that include this.
#pragma once

#include <functional>

namespace modelctl::test {

enum class Outcome { killed, succeeded, failed };

// Runs `work` in a child process that ends before its call number `step` (from 0) of those that tests/CMakeLists.txt
// names; a write counts twice, and the second time half of it is on disk. Locks end with the process. With `hard_links`
// false, making a hard link fails, as on file systems that have none.
Outcome run_until(int step, bool hard_links, const std::function<bool()>& work);

}  // namespace modelctl::test
