// FastFile mode: data in S3 that a job sees as read-only files, listed before it starts and fetched
// when it reads them.
//
//   the job ── the kernel ── /dev/fuse ── an errand ── S3
//
// The container's keeper mounts (fuse_device.h) and sends the errand the devices. When the errand
// dies, reads fail; when the job does, its mounts go with its namespace.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"
#include "platform/errand.h"
#include "platform/request.h"

namespace berth::platform {

/// True for channels that could be mounted: in FastFile mode, and no folder of this machine that is
/// simply shown.
bool IsFastFile(const Channel& channel);

/// The job's channels of that kind, by their number.
std::vector<size_t> FastFileChannels(const TrainingJob& job);

/// The number by which a host's mount of a channel is known: their places in the job.
uint32_t FastFileNumber(size_t host, size_t channel);

struct FastFileOptions {
  std::map<std::string, std::string> variables{};
  std::string working_directory{};
  /// Where devices arrive (ReceiveDescriptor()), with their FastFileNumber().
  int devices = -1;
};

/// The work of an errand: lists the channels, is ready then (Superior::Ready), and serves until it
/// shall finish. Returns what it fetched, as a line for the log.
[[nodiscard]] Result<std::string> ServeFastFiles(const TrainingJob& job,
                                                 const FastFileOptions& options,
                                                 const Superior& superior);

}  // namespace berth::platform
