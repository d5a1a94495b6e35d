// What the extension would take from glibc 2.32 and later, so that it can be loaded with 2.17: an
// image's may be that old (Amazon Linux 2 has 2.26, Ubuntu 20.04 has 2.31). scripts/tag_wheel.py
// reads the wheel's tag from what is needed in the end.
//
// These are seen only by our own code and by the libstdc++ that is linked in.
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern "C" {

// 2.32: whether libstdc++ may count references without atomics. Never: Python has threads.
char __libc_single_threaded = 0;  // NOLINT(bugprone-reserved-identifier): glibc's name

// 2.33: before, they were inline functions around others. The kernel fills the same structure.
int stat(const char* path, struct stat* status) noexcept {
  return static_cast<int>(::syscall(SYS_newfstatat, AT_FDCWD, path, status, 0));
}

int lstat(const char* path, struct stat* status) noexcept {
  return static_cast<int>(::syscall(SYS_newfstatat, AT_FDCWD, path, status, AT_SYMLINK_NOFOLLOW));
}

int fstat(int descriptor, struct stat* status) noexcept {
  return static_cast<int>(::syscall(SYS_fstat, descriptor, status));
}

// 2.34: moved from libpthread, and so known by a new version. The old one is there still.
#if defined(__x86_64__)
__asm__(".symver berth_pthread_once, pthread_once@GLIBC_2.2.5");
#elif defined(__aarch64__)
__asm__(".symver berth_pthread_once, pthread_once@GLIBC_2.17");
#endif
int berth_pthread_once(pthread_once_t* once, void (*function)());

int pthread_once(pthread_once_t* once, void (*function)()) {
  return berth_pthread_once(once, function);
}
}
