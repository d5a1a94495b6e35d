// The pool's requests: queue, hand-over, ends. (Its workers' lives are in pool.cc.)
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

#include "core/log.h"
#include "serving/worker/pool_state.h"

namespace berth::serving::worker {
namespace {

/// So much work is handed over at a time, so that a worker need not wait for us between two
/// requests; more would only keep requests from workers that become free.
constexpr double kHandedOverNs = 1e6;
constexpr size_t kMostHandedOver = 16;
/// How much of the average a new measurement is.
constexpr double kWeight = 0.1;
/// A request that runs longer than this while others are handed over behind it lets them go.
constexpr std::chrono::milliseconds kTakeBackAfter{20};
/// A request that is the only one of its worker, and not begun after that, goes to another one.
constexpr std::chrono::seconds kNotBegun{1};

std::chrono::nanoseconds Between(int64_t from, int64_t to) {
  return std::chrono::nanoseconds(from > 0 && to > from ? to - from : 0);
}

}  // namespace

Job* Pool::Admit(transport::SlotLease slot, JobOwner& owner, Clock::time_point deadline) {
  if (full()) return nullptr;
  if (spare_.empty()) spare_.emplace_back();
  queued_.splice(queued_.end(), spare_, spare_.begin());
  Job& job = queued_.back();
  job.slot = std::move(slot);
  job.owner = &owner;
  job.deadline = deadline;
  job.worker = nullptr;
  job.self = std::prev(queued_.end());
  DispatchSoon();
  return &job;
}

void Pool::Abandon(Job* job) {
  job->owner = nullptr;
  if (job->worker == nullptr) {
    Recycle(queued_, job->self);
    CheckDrained();
  } else {
    // The worker looks at it before it begins; if it has begun, its answer is for nobody.
    job->slot.request().cancelled = 1;
  }
}

bool Pool::Waits(const Job& job) {
  const auto* worker = static_cast<const Worker*>(job.worker);
  return worker == nullptr || &job != &worker->handed.front();
}

void Pool::Recycle(Jobs& from, Jobs::iterator job) {
  job->slot = {};
  job->owner = nullptr;
  job->worker = nullptr;
  spare_.splice(spare_.begin(), from, job);
}

void Pool::DispatchSoon() {
  if (dispatch_posted_) return;
  dispatch_posted_ = true;
  // After what else this turn of the loop brings, so that requests that arrive together wake a
  // worker once.
  boost::asio::post(loop_, [this, alive = alive_] {
    if (!*alive) return;
    dispatch_posted_ = false;
    Dispatch();
  });
}

size_t Pool::Depth() const {
  if (service_ns_ >= kHandedOverNs) return 1;
  return std::clamp<size_t>(static_cast<size_t>(kHandedOverNs / service_ns_), 2, kMostHandedOver);
}

void Pool::Dispatch() {
  const size_t depth = Depth();
  const auto now = Clock::now();
  const auto load = [](const Worker& worker) {
    return std::pair(worker.asleep.has_value(), worker.handed.size());
  };
  while (!queued_.empty()) {
    Worker* least = nullptr;
    for (const auto& worker : workers_) {
      if (worker->state != Worker::State::kReady || worker->unwell) continue;
      if (worker->handed.size() >= depth) continue;
      // What was taken back from behind a slow request does not go there again.
      if (!worker->handed.empty() && now - worker->began > kTakeBackAfter) continue;
      if (least == nullptr || load(*worker) < load(*least)) least = worker.get();
    }
    if (least == nullptr) break;
    HandOver(*least);
  }
  for (const auto& worker : workers_) worker->process->channel().Tell();
  ArmTimer();
}

void Pool::HandOver(Worker& worker) {
  Job& job = queued_.front();
  if (worker.handed.empty()) worker.began = Clock::now();
  job.worker = &worker;
  worker.process->channel().Push(job.slot.number());
  worker.handed.splice(worker.handed.end(), queued_, queued_.begin());
}

void Pool::TakeBack(Worker& worker) {
  const uint32_t taken = std::min<uint32_t>(worker.process->channel().Recall(),
                                            static_cast<uint32_t>(worker.handed.size()));
  for (uint32_t i = 0; i < taken; ++i) {
    const auto last = std::prev(worker.handed.end());
    last->worker = nullptr;
    if (!last->slot) worker.beating = false;
    if (!last->slot || last->owner == nullptr) {
      Recycle(worker.handed, last);
    } else {
      queued_.splice(queued_.begin(), worker.handed, last);
    }
  }
}

void Pool::OnFinished(Worker& worker) {
  uint64_t count = worker.process->channel().Finished();
  if (count > worker.handed.size()) {
    BreakProtocol(worker, "it finished requests that it did not have");
    count = worker.handed.size();
  }
  if (count == 0) return;
  worker.active = Clock::now();
  worker.began = worker.active;
  worker.asleep.reset();
  for (; count > 0 && !worker.handed.empty(); --count) {
    Job& job = worker.handed.front();
    if (!job.slot) {
      worker.beating = false;
      Recycle(worker.handed, worker.handed.begin());
    } else {
      Finish(worker, job);
    }
  }
  if (!queued_.empty()) DispatchSoon();
  CheckDrained();
}

void Pool::Finish(Worker& worker, Job& job) {
  auto answer = ReadAnswer(job.slot);
  if (!answer) {
    BreakProtocol(worker, answer.error().message());
    Fail(job, Failure::kBadAnswer, "the worker's answer cannot be read: see the server's log");
    return;
  }
  for (const uint32_t slot : answer->freed) Drop(worker, slot);
  if (answer->kept && worker.kept.insert(job.slot.number()).second) {
    arena_.Hold(job.slot.number());
    if (worker.kept.size() > transport::kMaxKept) BreakProtocol(worker, "it keeps too many slots");
  }
  if (answer->kind == transport::ResponseKind::kDropped) {
    Fail(job, Failure::kExpired, "the request's time was over before a worker could begin it");
    return;
  }
  failures_ = 0;
  if (answer->ended > answer->begun && answer->begun > 0) {
    const auto took = static_cast<double>(answer->ended - answer->begun);
    service_ns_ += (took - service_ns_) * kWeight;
    metrics_.decode.Add(Between(answer->begun, answer->decoded));
    metrics_.predict.Add(Between(answer->decoded, answer->predicted));
    metrics_.encode.Add(Between(answer->predicted, answer->ended));
  }
  Descriptor file;
  if (answer->kind == transport::ResponseKind::kFile) {
    auto sent = worker.process->TakeFile(job.slot.number());
    if (!sent) {
      BreakProtocol(worker, "it announced a file and sent none");
      Fail(job, Failure::kBadAnswer, "the worker's answer cannot be read: see the server's log");
      return;
    }
    file = *std::move(sent);
  }
  JobOwner* const owner = job.owner;
  transport::SlotLease slot = std::move(job.slot);
  Recycle(worker.handed, job.self);
  if (owner != nullptr) owner->OnAnswer(std::move(slot), *std::move(answer), std::move(file));
}

void Pool::Fail(Job& job, Failure failure, std::string explanation) {
  JobOwner* const owner = job.owner;
  auto* const worker = static_cast<Worker*>(job.worker);
  Recycle(worker != nullptr ? worker->handed : queued_, job.self);
  if (owner != nullptr) owner->OnFailure(failure, std::move(explanation));
}

void Pool::Drop(Worker& worker, uint32_t slot) {
  if (worker.kept.erase(slot) > 0) {
    arena_.Drop(slot);
  } else {
    BreakProtocol(worker, fmt::format("it let go of slot {}, which it did not keep", slot));
  }
}

void Pool::BreakProtocol(Worker& worker, std::string_view how) {
  if (worker.protocol_broken) return;
  worker.protocol_broken = true;
  worker.unwell = true;
  log::Error("serve", "worker {} is replaced: {}", worker.index, how);
  worker.process->Kill();
}

void Pool::TickWorker(Worker& worker, Clock::time_point now) {
  if (worker.state != Worker::State::kReady || worker.handed.empty()) return;
  // Requests whose time is over are answered now, whatever the worker does with them.
  for (Job& job : worker.handed) {
    if (job.owner == nullptr || job.deadline > now) continue;
    JobOwner* const owner = std::exchange(job.owner, nullptr);
    job.slot.request().cancelled = 1;
    owner->OnFailure(&job == &worker.handed.front() ? Failure::kOverran : Failure::kExpired,
                     "the request's time was over before the model had answered");
  }
  const auto running = now - worker.began;
  const bool alone = worker.handed.size() == 1;
  if (alone ? running > kNotBegun && !worker.beating : running > kTakeBackAfter) {
    TakeBack(worker);
    if (!worker.handed.empty()) {
      worker.asleep.reset();
    } else if (!worker.asleep) {
      worker.asleep = worker.began;
    }
    if (!queued_.empty()) DispatchSoon();
  }
  if (running > settings_.timeout && !worker.overran && !worker.beating) {
    worker.overran = true;
    log::Error("serve",
               "worker {} is killed: it has run one request for {} s, longer than "
               "SAGEMAKER_MODEL_SERVER_TIMEOUT allows",
               worker.index, std::chrono::duration_cast<std::chrono::seconds>(running).count());
    worker.process->Kill();
  }
}

void Pool::FailAll(Failure failure, const std::string& explanation) {
  while (!queued_.empty()) Fail(queued_.front(), failure, explanation);
  for (const auto& worker : workers_) {
    for (Job& job : worker->handed) {
      if (job.owner == nullptr) continue;
      std::exchange(job.owner, nullptr)->OnFailure(failure, explanation);
    }
  }
}

}  // namespace berth::serving::worker
