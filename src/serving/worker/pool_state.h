// What the pool keeps of a request and of a worker. For the files of pool.h only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "serving/worker/pool.h"

namespace berth::serving::worker {

/// A request in the queue or handed over. Without an owner nobody waits for it any more; without a
/// slot it only asks for a sign of life.
struct Job {
  transport::SlotLease slot;
  JobOwner* owner = nullptr;
  Clock::time_point deadline;
  Pool* pool = nullptr;
  void* worker = nullptr;  // nullptr: queued
  std::list<Job>::iterator self;
};

/// In place of a worker's index.
constexpr int kTemplate = -1;

struct Pool::Worker {
  enum class State { kStarting, kReady, kStopping };

  std::string Name() const {
    return index == kTemplate ? "the template" : "worker " + std::to_string(index);
  }

  int index = 0;
  State state = State::kStarting;
  std::unique_ptr<WorkerProcess> process;
  Jobs handed;               // in the order of the ring
  std::set<uint32_t> kept;   // slots whose bodies the handler still looks at
  Clock::time_point began;   // started; once ready: when its first request now may have begun
  Clock::time_point active;  // the last sign of life
  bool beating = false;      // it was asked for one
  /// Since when it does not take up what it has; nothing where it does.
  std::optional<Clock::time_point> asleep;
  bool overran = false;  // we killed it
  bool unwell = false;
  bool protocol_broken = false;
  std::string failed;  // its own words on why it did not load
  std::string stage;
};

inline bool Pool::IsBeingForked(const std::unique_ptr<Worker>& worker) {
  return worker->process->pid() < 0;
}

struct Pool::Timer {
  explicit Timer(boost::asio::io_context& loop) : timer(loop) {}
  boost::asio::steady_timer timer;
};

}  // namespace berth::serving::worker
