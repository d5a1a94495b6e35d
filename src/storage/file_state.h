// Telling one state of a file that others write from another, by its times and by its bytes.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>

#include "core/error.h"
#include "storage/cancellation.h"

namespace berth::storage {

/// What fstat() says. Two equal states are the same content, unless the first was taken while it
/// was not settled.
struct FileState {
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t modified = 0;  // nanoseconds since 1970, as the next
  int64_t changed = 0;
  bool operator==(const FileState&) const = default;

  static FileState Of(const struct stat& about);

  /// File systems take times from a clock that ticks, every few milliseconds or every second: what
  /// is written in the tick of the last change does not show. How long after `now` (FileClock())
  /// this tick may still last: nothing for a file that was left alone for a while, at most two
  /// seconds. A server's clock that is behind ours makes it too short.
  std::chrono::nanoseconds UntilSettled(int64_t now) const;
  bool Settled(int64_t now) const { return UntilSettled(now).count() == 0; }
};

/// Whether somebody has the file open for writing, as far as the kernel tells: not for files of
/// other users, nor on some file systems. `descriptor` is open for reading only.
bool IsOpenForWriting(int descriptor);

/// The clock that the times of files are taken from, in nanoseconds.
int64_t FileClock();

}  // namespace berth::storage
