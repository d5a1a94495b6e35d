#include "serving/worker/worker_zip.h"

// BERTH_WORKER_ZIP is the archive's path, made by the build (cmake/zip_worker.py).
asm(".section .rodata\n"
    ".balign 16\n"
    ".globl berth_worker_zip\n"
    ".hidden berth_worker_zip\n"
    "berth_worker_zip:\n"
    ".incbin \"" BERTH_WORKER_ZIP
    "\"\n"
    ".globl berth_worker_zip_end\n"
    ".hidden berth_worker_zip_end\n"
    "berth_worker_zip_end:\n"
    ".previous\n");

extern "C" {
extern const char berth_worker_zip[] __attribute__((visibility("hidden")));
extern const char berth_worker_zip_end[] __attribute__((visibility("hidden")));
}

namespace berth::serving::worker {

std::string_view WorkerZip() {
  return {berth_worker_zip, static_cast<size_t>(berth_worker_zip_end - berth_worker_zip)};
}

}  // namespace berth::serving::worker
