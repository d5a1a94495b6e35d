#include "platform/namespaces.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>

#include "core/files.h"

namespace berth::platform {

std::vector<Try> Tries() {
  std::vector<Try> tries;
  // root needs no user namespace, and can then change owners as in a real container.
  if (::geteuid() == 0) tries.push_back({.mount_namespace = true, .pid_namespace = true});
  tries.push_back({.user_namespace = true, .mount_namespace = true, .pid_namespace = true});
  // Where parts of /proc are hidden (in a container) a new /proc may not be mounted.
  if (::geteuid() == 0) tries.push_back({.mount_namespace = true});
  tries.push_back({.user_namespace = true, .mount_namespace = true});
  tries.push_back({});
  return tries;
}

Result<void> EnterNamespaces(const Try& attempt, int more) {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  int flags = CLONE_NEWNS | CLONE_NEWUTS | more;
  if (attempt.user_namespace) flags |= CLONE_NEWUSER;
  if (attempt.pid_namespace) flags |= CLONE_NEWPID;
  if (::unshare(flags) != 0) {
    // The kernel's word for it, "No space left on device", would send people to their disks.
    if (errno == ENOSPC) return Fail("/proc/sys/user allows no more namespaces", ENOSPC);
    return FailErrno("cannot make namespaces");
  }
  if (attempt.user_namespace) {
    BERTH_TRY(WriteFile("/proc/self/setgroups", "deny"));
    BERTH_TRY(WriteFile("/proc/self/uid_map", fmt::format("{} {} 1", uid, uid)));
    BERTH_TRY(WriteFile("/proc/self/gid_map", fmt::format("{} {} 1", gid, gid)));
  }
  return {};
}

}  // namespace berth::platform
