// What a FolderSync remembers of a file; for its own sources only.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

#include "core/error.h"
#include "storage/folder_sync.h"

namespace berth::storage {

/// Tells one state of a file from another without reading it.
struct FileState {
  uint64_t inode = 0;
  int64_t size = 0;
  int64_t modified = 0;
  int64_t changed = 0;
  bool operator==(const FileState&) const = default;

  static FileState Of(const struct stat& about);
};

/// The clock that the times of files are taken from, in nanoseconds.
int64_t FileClock();

struct FolderSync::Known {
  std::optional<FileState> state;  // empty: may be anything, or not even be there
  std::string refused;             // why it can never go there; then it does not
  uint64_t scan = 0;               // the last one that saw the file
};

struct FolderSync::Item {
  Clock::time_point due;
  uint64_t order = 0;
  bool running = false;
  bool again = false;  // changed while it was running
  int failures = 0;
  int last_failures = 0;  // since Finish()
  std::string reason;
};

/// What came of looking at a file.
struct FolderSync::Attempt {
  enum { kDone, kChanging, kFailed, kCancelled } end = kDone;
  std::optional<Error> error = {};
  Clock::duration took{};
};

}  // namespace berth::storage
