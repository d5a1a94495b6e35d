// How requests reach one worker, and how their ends come back.
//
// The kernel is the arbiter. `ready` is an eventfd that counts requests which are handed over and
// not begun: the worker claims the next of the ring by reading 1 from it, and we take back what it
// has not claimed the same way. Each unit goes to one reader, so no request is run twice and none
// is lost, whenever either side dies, and no lock lives in shared memory. `done` counts requests
// that the worker has finished, in the order of the ring. See docs/how-bytes-cross.md.
#pragma once

#include <cstdint>

#include "core/descriptor.h"
#include "core/error.h"

namespace berth::serving::transport {

/// Event loop's thread. The three descriptors are for the worker to inherit, too.
class Channel {
 public:
  [[nodiscard]] static Result<Channel> Make();
  Channel(Channel&&) noexcept;
  Channel& operator=(Channel&&) = delete;
  ~Channel();

  int ring() const { return ring_file_.get(); }
  int ready() const { return ready_.get(); }
  int done() const { return done_.get(); }

  /// Puts a slot's number into the ring. The worker sees it after Tell(). No more than kRingEntries
  /// may be on their way.
  void Push(uint32_t slot);

  /// Wakes the worker for what was pushed since.
  void Tell();

  /// Takes back what the worker has not claimed; returns how many: they are the last ones pushed.
  uint32_t Recall();

  /// How many the worker has finished since the last call.
  uint64_t Finished();

 private:
  Channel(Descriptor ring_file, uint32_t* ring, Descriptor ready, Descriptor done);

  Descriptor ring_file_;
  uint32_t* ring_;
  Descriptor ready_;
  Descriptor done_;
  uint64_t tail_ = 0;
  uint64_t untold_ = 0;
};

}  // namespace berth::serving::transport
