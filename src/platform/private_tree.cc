#include "platform/private_tree.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "core/descriptor.h"
#include "core/files.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

/// A folder of ours in memory holds mount points, and what a job may write beside them.
constexpr const char* kMirrorSize = "64m";

std::string Doing(std::string_view verb, const fs::path& path) {
  return fmt::format("cannot {} \"{}\"", verb, path.string());
}

/// The flags a remount must repeat: a user namespace may not drop what its parent set.
unsigned long LockedFlags(const fs::path& path) {
  struct statvfs about;
  if (::statvfs(path.c_str(), &about) != 0) return 0;
  unsigned long flags = 0;
  if ((about.f_flag & ST_NOSUID) != 0) flags |= MS_NOSUID;
  if ((about.f_flag & ST_NODEV) != 0) flags |= MS_NODEV;
  if ((about.f_flag & ST_NOEXEC) != 0) flags |= MS_NOEXEC;
  if ((about.f_flag & ST_NOATIME) != 0) flags |= MS_NOATIME;
  if ((about.f_flag & ST_NODIRATIME) != 0) flags |= MS_NODIRATIME;
  if ((about.f_flag & ST_RELATIME) != 0) flags |= MS_RELATIME;
  return flags;
}

Result<void> MountMirror(const fs::path& at, mode_t mode) {
  const std::string options = fmt::format("mode={:o},size={}", mode & 07777, kMirrorSize);
  if (::mount("berth", at.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return FailErrno(Doing("mount a folder in memory at", at));
  }
  return {};
}

/// Makes `mirror` show everything that the working directory holds.
Result<void> MirrorWorkingDirectory(const fs::path& mirror) {
  std::error_code cause;
  for (fs::directory_iterator entry(".", cause); !cause && entry != fs::directory_iterator();
       entry.increment(cause)) {
    const fs::path name = entry->path().filename();
    const fs::path place = mirror / name;
    const fs::file_type type = entry->symlink_status(cause).type();
    if (cause) break;
    if (type == fs::file_type::symlink) {
      fs::copy_symlink(name, place, cause);
      if (cause) break;
      continue;
    }
    if (type == fs::file_type::directory) {
      if (::mkdir(place.c_str(), 0755) != 0) return FailErrno(Doing("make", place));
    } else {
      const Descriptor file(::open(place.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
      if (!file) return FailErrno(Doing("make", place));
    }
    BERTH_TRY(Bind(name, place));
  }
  if (cause) return Fail(Error::System(cause.value(), Doing("list the folder shown at", mirror)));
  return {};
}

Result<void> MirrorFolder(const fs::path& folder, mode_t mode) {
  // The working directory keeps naming the folder below the mount that now hides it.
  if (::chdir(folder.c_str()) != 0) return FailErrno(Doing("enter", folder));
  BERTH_TRY(MountMirror(folder, mode));
  return MirrorWorkingDirectory(folder);
}

/// "/" itself cannot be mounted over: make a new root and move into it.
Result<void> MirrorRoot(const fs::path& staging, mode_t mode) {
  BERTH_TRY(MountMirror(staging, mode));
  // Unbindable, so that the new root does not show itself inside itself.
  if (::mount(nullptr, staging.c_str(), nullptr, MS_UNBINDABLE, nullptr) != 0) {
    return FailErrno(Doing("prepare", staging));
  }
  if (::chdir("/") != 0) return FailErrno("cannot enter \"/\"");
  BERTH_TRY(MirrorWorkingDirectory(staging));
  if (::chdir(staging.c_str()) != 0) return FailErrno(Doing("enter", staging));
  // pivot_root(".", "."): the old root ends up on top of the new one and is then let go.
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return FailErrno("cannot change the root");
  if (::umount2(".", MNT_DETACH) != 0) return FailErrno("cannot leave the old root");
  if (::chdir("/") != 0) return FailErrno("cannot enter \"/\"");
  return {};
}

}  // namespace

Result<void> KeepMountsPrivate() {
  // Slave, not private: what is mounted outside while the job runs still shows up inside.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) {
    return FailErrno("cannot make the mounts private");
  }
  return {};
}

Result<void> Bind(const fs::path& source, const fs::path& target) {
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0) {
    return FailErrno(fmt::format("cannot show \"{}\" at \"{}\"", source.string(), target.string()));
  }
  return {};
}

Result<void> BindReadOnly(const fs::path& source, const fs::path& target) {
  BERTH_TRY(Bind(source, target));
  struct mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(AT_FDCWD, target.c_str(), AT_RECURSIVE, &read_only, sizeof read_only) == 0) {
    return {};
  }
  // Kernels before 5.12 change one mount at a time.
  const unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY | LockedFlags(target);
  if (::mount(nullptr, target.c_str(), nullptr, flags, nullptr) != 0) {
    return FailErrno(Doing("make read-only", target));
  }
  return {};
}

Result<void> ShowAt(const fs::path& tree, const fs::path& target, const fs::path& staging) {
  std::error_code cause;
  const fs::path place = fs::weakly_canonical(target, cause);
  if (cause) return Fail(Error::System(cause.value(), Doing("resolve", target)));

  fs::path folder = place;
  while (!fs::exists(folder, cause)) folder = folder.parent_path();
  struct stat about;
  if (::stat(folder.c_str(), &about) != 0) return FailErrno(Doing("look at", folder));
  if (!S_ISDIR(about.st_mode)) {
    return Fail(fmt::format("\"{}\" is not a folder", folder.string()), ENOTDIR);
  }
  if (folder != place) {
    BERTH_TRY(folder == "/" ? MirrorRoot(staging, about.st_mode)
                            : MirrorFolder(folder, about.st_mode));
    BERTH_TRY(MakeDirectories(place));
  }
  return Bind(tree, place);
}

Result<void> MountProc() {
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    return FailErrno("cannot mount /proc");
  }
  return {};
}

}  // namespace berth::platform
