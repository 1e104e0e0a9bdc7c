// The filter is a list of system calls in classic BPF, as seccomp(2) takes it: some thirty comparisons, which is less
// than a library for it would be. It allows what glibc and the kernels need to compute; the order is that of frequency.
#include "serve/isolation/sandbox.hpp"

#include "base/core_dumps.hpp"
#include "base/files.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <csignal>
#include <cstddef>
#include <cstdio>

#include <vector>

namespace modelctl::serve {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t architecture = 0;
#endif

constexpr int allowed[] = {
    SYS_futex,
    SYS_read,
    SYS_write,
    SYS_munmap,
    SYS_madvise,
    SYS_mremap,
    SYS_brk,
    SYS_sched_yield,
    SYS_getpid,
    SYS_gettid,
    SYS_nanosleep,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_rt_sigreturn,
    SYS_rt_sigprocmask,
    SYS_getrandom,
    SYS_sched_getaffinity,
    SYS_getcpu,
    SYS_sysinfo,
    SYS_restart_syscall,
    SYS_close,
    SYS_exit,
    SYS_exit_group,
    // The first that a thread does, which may be now.
    SYS_set_robust_list,
    SYS_rseq,
};

// What libraries may try and can do without: they get EACCES.
constexpr int refused[] = {
#ifdef SYS_open
    SYS_open,   SYS_access,       SYS_stat,        SYS_readlink,
#endif
    SYS_openat, SYS_faccessat,    SYS_newfstatat,  SYS_readlinkat, SYS_statx, SYS_fstat, SYS_prlimit64,
    SYS_prctl,  SYS_rt_sigaction, SYS_sigaltstack, SYS_uname,      SYS_ioctl, SYS_fcntl, SYS_lseek,
};

constexpr std::uint32_t load(std::size_t offset) { return static_cast<std::uint32_t>(offset); }
constexpr sock_filter load_word(std::size_t offset) { return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, load(offset)); }
constexpr sock_filter end(std::uint32_t action) { return BPF_STMT(BPF_RET | BPF_K, action); }
// Goes on after the next instruction if the word is another one.
constexpr sock_filter unless(int number) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1);
}

std::vector<sock_filter> make_filter() {
  constexpr std::size_t third_argument = offsetof(seccomp_data, args) + 2 * sizeof(std::uint64_t);
  const auto own_process = static_cast<std::uint32_t>(::getpid());
  std::vector<sock_filter> filter;
  auto add = [&](sock_filter instruction) { filter.push_back(instruction); };
  add(load_word(offsetof(seccomp_data, arch)));
  add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0));
  add(end(SECCOMP_RET_KILL_PROCESS));
  // The calls of the x32 ABI have numbers of their own, of which none is listed below.
  add(load_word(offsetof(seccomp_data, nr)));
  for (int number : allowed) {
    add(unless(number));
    add(end(SECCOMP_RET_ALLOW));
  }
  // Memory, but nothing that can be executed.
  for (int number : {SYS_mmap, SYS_mprotect}) {
    add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 4));
    add(load_word(third_argument));
    add(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1));
    add(end(SECCOMP_RET_KILL_PROCESS));
    add(end(SECCOMP_RET_ALLOW));
  }
  // abort() sends the signal to its own process.
  add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 0, 4));
  add(load_word(offsetof(seccomp_data, args)));
  add(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, own_process, 1, 0));
  add(end(SECCOMP_RET_KILL_PROCESS));
  add(end(SECCOMP_RET_ALLOW));
  for (int number : refused) {
    add(unless(number));
    add(end(SECCOMP_RET_ERRNO | (EACCES & SECCOMP_RET_DATA)));
  }
  add(end(SECCOMP_RET_KILL_PROCESS));
  return filter;
}

Error cannot_restrict(const char* what) { return system_error(errno, "cannot isolate the worker process", what); }

// Memory of its own that the process has mapped now (proc(5), statm: the sixth number, in pages): what RLIMIT_DATA
// counts, and the stacks.
std::uint64_t memory_now() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  unsigned long long pages = 0;
  if (file == nullptr) return 0;
  bool read = std::fscanf(file, "%*u %*u %*u %*u %*u %llu", &pages) == 1;
  std::fclose(file);
  return read ? pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace

Result<void> restrict_process(int nice) {
  const rlimit no_core{0, 0};
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return cannot_restrict("PR_SET_PDEATHSIG");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return cannot_restrict("PR_SET_NO_NEW_PRIVS");
  if (::setrlimit(RLIMIT_CORE, &no_core) != 0) return cannot_restrict("RLIMIT_CORE");
  errno = 0;
  if (nice != 0 && ::nice(nice) == -1 && errno != 0) return cannot_restrict("nice");
  return {};
}

Result<void> enter_sandbox(std::uint64_t memory_bytes) {
  if (architecture == 0)
    return Error(Kind::unsupported, "no-sandbox", "cannot isolate the worker process: there is no filter for this CPU");
  if (memory_bytes > 0) {
    const std::uint64_t most = memory_now() + memory_bytes;
    const rlimit limit{most, most};
    if (::setrlimit(RLIMIT_DATA, &limit) != 0) return cannot_restrict("RLIMIT_DATA");
  }
  forbid_core_dumps();
  auto filter = make_filter();
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  // On all threads, or on none: a positive result is the thread for which it was impossible.
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
    return cannot_restrict("seccomp");
  return {};
}

}  // namespace modelctl::serve
