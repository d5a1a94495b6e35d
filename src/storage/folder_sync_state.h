// What a FolderSync remembers of a file; for its own sources only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/error.h"
#include "storage/file_state.h"
#include "storage/folder_sync.h"

namespace berth::storage {

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
  bool deletion = false;  // what failed
};

/// What came of looking at a file.
struct FolderSync::Attempt {
  enum { kDone, kOpen, kChanging, kFailed, kCancelled } end = kDone;  // kOpen: for writing
  std::optional<Error> error = {};
  bool deletion = false;
  Clock::duration took{};
};

}  // namespace berth::storage
