#include "launch/shim.h"

#include "core/files.h"

// BERTH_HOST_NAME_SHIM is the library's path, made by the build from gethostname.c.
asm(".section .rodata\n"
    ".balign 16\n"
    ".globl berth_host_name_shim\n"
    ".hidden berth_host_name_shim\n"
    "berth_host_name_shim:\n"
    ".incbin \"" BERTH_HOST_NAME_SHIM
    "\"\n"
    ".globl berth_host_name_shim_end\n"
    ".hidden berth_host_name_shim_end\n"
    "berth_host_name_shim_end:\n"
    ".previous\n");

extern "C" {
extern const char berth_host_name_shim[] __attribute__((visibility("hidden")));
extern const char berth_host_name_shim_end[] __attribute__((visibility("hidden")));
}

namespace berth::launch {

std::string_view HostNameShim() {
  return {berth_host_name_shim,
          static_cast<size_t>(berth_host_name_shim_end - berth_host_name_shim)};
}

Result<std::string> WriteHostNameShim(const std::string& directory) {
  std::string path = directory + "/libberth_gethostname.so";
  BERTH_TRY(WriteFile(path, HostNameShim(), 0755));
  return path;
}

}  // namespace berth::launch
