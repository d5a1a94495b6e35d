/* gethostname() answers the contract's name of this host (docs/distributed.md).
 *
 * Preloaded into whatever the image runs: built without any library, and of the program's own C
 * library, glibc or musl, it uses getenv() alone. Where SM_CURRENT_HOST is not set it answers what
 * the kernel says. */

typedef unsigned long size;

extern char *getenv(const char *name);

struct utsname {
  char system[65], node[65], release[65], version[65], machine[65], domain[65];
};

static long kernel_names(struct utsname *names) {
#if defined(__x86_64__)
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "0"(63L), "D"(names)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long result __asm__("x0") = (long)names;
  register long number __asm__("x8") = 160;
  __asm__ volatile("svc 0" : "+r"(result) : "r"(number) : "memory");
  return result;
#else
#error "the system call's convention of this machine is missing"
#endif
}

/* As POSIX has it; a name that does not fit is cut, and ended where there is room for the end. */
int gethostname(char *name, size length) {
  struct utsname names;
  const char *answer = getenv("SM_CURRENT_HOST");
  if (answer == 0 || answer[0] == 0) {
    if (kernel_names(&names) != 0) return -1;
    answer = names.node;
  }
  for (size i = 0; i < length; ++i) {
    name[i] = answer[i];
    if (answer[i] == 0) return 0;
  }
  if (length > 0) name[length - 1] = 0;
  return 0;
}
