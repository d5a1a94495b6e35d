#include "platform/fuse_device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

namespace berth::platform {
namespace {

constexpr const char* kDevice = "/dev/fuse";

}  // namespace

Result<Descriptor> MountFuse(const std::filesystem::path& place) {
  Descriptor device(::open(kDevice, O_RDWR | O_CLOEXEC));
  if (!device) return FailErrno(fmt::format("cannot open \"{}\"", kDevice));
  // default_permissions: the kernel compares modes and owners; nobody asks us.
  const std::string options =
      fmt::format("fd={},rootmode=40000,user_id={},group_id={},allow_other,default_permissions",
                  device.get(), ::geteuid(), ::getegid());
  if (::mount("berth", place.c_str(), "fuse.berth", MS_RDONLY | MS_NOSUID | MS_NODEV,
              options.c_str()) != 0) {
    return FailErrno(fmt::format("cannot mount through FUSE at \"{}\"", place.string()));
  }
  return device;
}

}  // namespace berth::platform
