// The workers of one model: how many, which one gets a request, what happens when one dies.
//
// See docs/how-a-worker-dies.md for what is promised. Event loop's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"
#include "core/float_text.h"
#include "process/memory_events.h"
#include "process/signals.h"
#include "serving/metrics.h"
#include "serving/transport/answer.h"
#include "serving/transport/arena.h"
#include "serving/worker/process.h"

namespace berth::serving::worker {

using Clock = std::chrono::steady_clock;

/// Why a request has no answer of a worker.
enum class Failure {
  kExpired,      ///< its time was over before a worker began it
  kOverran,      ///< its time was over while a worker ran it
  kWorkerDied,   ///< the worker that ran it died
  kOutOfMemory,  ///< the kernel killed that worker for want of memory
  kBadAnswer,    ///< the worker broke the protocol
  kShutDown,     ///< the server ends
};

/// Who waits for a request.
class JobOwner {
 public:
  virtual ~JobOwner() = default;
  /// Called once, with one of the two. `file` is there for an Answer of kFile.
  virtual void OnAnswer(transport::SlotLease slot, transport::Answer answer, Descriptor file) = 0;
  virtual void OnFailure(Failure failure, std::string explanation) = 0;
};

struct Job;

struct PoolSettings {
  /// Nothing: as CPUs, memory and the size of the first worker allow.
  std::optional<int> workers;
  int cpus = 1;
  int gpus = 0;
  std::chrono::nanoseconds timeout{};  ///< for a worker to run one request
  std::chrono::nanoseconds startup_timeout{};
  size_t queue_length = 0;
  /// Bytes of the model's files: how large a worker may become, before one has loaded it.
  uint64_t model_bytes = 0;
  /// Workers are forked from a template that has loaded the model (pool_fork.cc).
  bool fork_workers = false;
};

class Pool {
 public:
  /// `broken` is called, once, when there is no use in going on: the reason is a sentence, and
  /// `configuration` says that it is the handler or its surroundings, not an accident.
  Pool(boost::asio::io_context& loop, transport::Arena& arena, Metrics& metrics,
       const process::SignalGuard& signals, WorkerSpec spec, const PoolSettings& settings,
       std::function<void(std::string reason, bool configuration)> broken);
  ~Pool();

  void Start();

  /// Calls it once, when all workers that were asked for have loaded their model. Before Start().
  void WhenReady(std::function<void()> told) { when_ready_ = std::move(told); }

  /// Takes a request whose slot holds all of it. `arrived` + `time` is its deadline. Nothing where
  /// the queue is full. `owner` is told the end; where it goes before, it calls Abandon().
  Job* Admit(transport::SlotLease slot, JobOwner& owner, Clock::time_point deadline);
  /// The client has gone: what is not begun will not be.
  void Abandon(Job* job);

  /// No worker has it, or one has it behind another.
  static bool Waits(const Job& job);

  bool full() const { return queued_.size() >= settings_.queue_length; }
  size_t queued() const { return queued_.size(); }
  /// All workers that were asked for have loaded their model once, and one at least is well now.
  bool ready() const;
  /// At least one has loaded its model once: requests may come.
  bool loaded() const { return ever_ready_; }
  /// Content types that the handler wants decoded for it.
  const std::vector<std::string>& native_decode() const { return native_decode_; }
  /// How the handler's NumPy writes short floats.
  NumPyText numpy_text() const { return numpy_text_; }
  int wanted() const { return wanted_; }
  std::vector<WorkerGauge> Gauges() const;

  /// While on, what workers write stays in their pipes: they feel the pace of the log's reader.
  void PauseOutput(bool on);

  /// One of our children has ended. False: it was none of the workers.
  bool Reaped(pid_t pid, int status);

  /// No more than what was admitted is run; then workers are stopped. `done` when none is left.
  /// After `limit` what is still running fails, and the workers are killed.
  void Drain(std::chrono::nanoseconds limit, std::function<void()> done);

 private:
  struct Worker;
  using Jobs = std::list<Job>;

  void StartWorker(int index);
  void StartMissing();
  void StartFailed(std::string_view what, const Error& error);
  WorkerProcess::Events EventsOf(Worker& worker);
  bool HasTemplate();
  void StartTemplate();
  void OnTemplateMessage(Worker& from, const json::Object& message);
  void OnForked(uint32_t index, std::optional<uint32_t> pid, std::string error);
  void TemplateDied(int status);
  void TickTemplate(Clock::time_point now);
  bool NoneIsLeft();
  /// Asked for, and not heard of yet.
  static bool IsBeingForked(const std::unique_ptr<Worker>& worker);
  void OnMessage(Worker& worker, const json::Object& message);
  void OnLoaded(Worker& worker, const json::Object& message);
  void Size(const Worker& first);
  void OnFinished(Worker& worker);
  void Finish(Worker& worker, Job& job);
  void BreakProtocol(Worker& worker, std::string_view how);
  void Drop(Worker& worker, uint32_t slot);

  void DispatchSoon();
  void Dispatch();
  size_t Depth() const;
  void HandOver(Worker& worker);
  void TakeBack(Worker& worker);

  void Tick();
  void TickWorker(Worker& worker, Clock::time_point now);
  void ArmTimer();
  void Died(std::unique_ptr<Worker> worker, int status);
  bool DiedForMemory(const Worker& worker, int status);
  void FailRunning(Worker& worker, int status, bool out_of_memory);
  void CountFailure(const Worker& worker, int status, bool out_of_memory);
  void Break(std::string reason, bool configuration);
  void CheckDrained();
  void FailAll(Failure failure, const std::string& explanation);
  void Fail(Job& job, Failure failure, std::string explanation);
  void Recycle(Jobs& from, Jobs::iterator job);
  process::Variables VariablesOf(int index) const;

  struct Timer;

  boost::asio::io_context& loop_;
  transport::Arena& arena_;
  Metrics& metrics_;
  const process::SignalGuard& signals_;
  const WorkerSpec spec_;
  const PoolSettings settings_;
  const std::function<void(std::string, bool)> broken_;
  std::function<void()> when_ready_;

  int wanted_ = 0;           // how many workers there shall be
  bool one_by_one_ = false;  // memory is short: each loads when the one before has
  bool sized_ = false;       // wanted_ is final
  bool ever_ready_ = false;
  bool all_ready_once_ = false;
  std::vector<std::string> native_decode_;
  NumPyText numpy_text_ = NumPyText::kUntil22;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Worker> template_;
  int template_failures_ = 0;  // to load the model, since it was loaded

  Jobs queued_;  // in the order of arrival, which is that of deadlines
  Jobs spare_;
  bool dispatch_posted_ = false;
  double service_ns_ = 2e6;  // what a request takes a worker, averaged; slow until measured

  int failures_ = 0;  // workers that ended badly, without an answer between
  Clock::time_point last_failure_{};
  Clock::time_point start_again_{};  // not before
  process::OutOfMemoryCounter out_of_memory_;
  std::optional<uint64_t> out_of_memory_before_;
  std::string last_reason_;

  bool output_paused_ = false;
  bool broken_told_ = false;
  bool draining_ = false;
  bool stopping_ = false;  // draining, and nothing is left to run
  Clock::time_point drain_until_{};
  std::function<void()> drained_;
  std::unique_ptr<Timer> timer_;
  std::shared_ptr<bool> alive_;
};

}  // namespace berth::serving::worker
