// What a worker writes, as lines.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/descriptor.h"
#include "core/log.h"

namespace berth::serving::worker {

/// Lines of a pipe. A line of berth_worker names the request it belongs to ("\x1e<id>\x1f<text>"),
/// and its level where that is known ("\x1e<id>\x1dE\x1f<text>": D, W or E); others were written by
/// native code or by children. What those left unfinished before a line of berth_worker's is a line
/// of its own. A line of more than 64 KiB comes in pieces.
class Lines {
 public:
  using Take =
      std::function<void(std::string_view request_id, log::Level level, std::string_view text)>;

  /// `pipe` must be non-blocking.
  Lines(Descriptor pipe, Take take);

  /// Reads what there is, at most a MiB at a time, so that a worker that writes without end leaves
  /// time for others. False when the pipe has ended; an unfinished last line is told then.
  bool Read();

  int fd() const { return pipe_.get(); }

 private:
  void Split();
  void Tell(std::string_view line);

  Descriptor pipe_;
  Take take_;
  std::string pending_;
};

}  // namespace berth::serving::worker
