// The pool's workers: how they are started, counted, watched and replaced.
#include "serving/worker/pool.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <utility>

#include "core/log.h"
#include "core/text.h"
#include "process/memory.h"
#include "serving/worker/pool_state.h"

namespace berth::serving::worker {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// An idle worker that gives no sign of life for that long is asked for one, and has as long again.
constexpr seconds kHeartbeat{5};
/// A worker that was just forked has next to nothing of its own; what it will have at least.
constexpr uint64_t kForkedWorker = uint64_t{32} << 20;
/// Workers that end badly, one after the other and within that time, are a crash loop.
constexpr int kCrashLoop = 5;
constexpr int kStartFailures = 3;
constexpr seconds kForgetFailures{60};
constexpr milliseconds kFirstBackOff{100};
constexpr milliseconds kLongestBackOff{10'000};
/// Where the system has no descriptors, processes or memory for a worker: when to try again.
constexpr seconds kShortage{1};
/// From the request to stop to SIGKILL, for a worker with nothing to do: its exit hooks.
constexpr seconds kExitHooks{4};

std::string Text(const json::Object& message, std::string_view name) {
  const json::Value* value = message.Find(name);
  const std::string* text = value != nullptr ? value->AsString() : nullptr;
  return text != nullptr ? *text : std::string();
}

/// "2.3.1": at least 2.3.
bool SinceNumPy23(std::string_view version) {
  const std::vector<std::string> parts = Split(version, '.');
  if (parts.size() < 2) return false;
  const auto number = [](const std::string& part) {
    int value = 0;
    std::from_chars(part.data(), part.data() + part.size(), value);
    return value;
  };
  const int major = number(parts[0]);
  return major > 2 || (major == 2 && number(parts[1]) >= 3);
}

/// What passes: connections end, other processes do.
bool IsShortage(int error) {
  return error == EMFILE || error == ENFILE || error == EAGAIN || error == ENOMEM;
}

std::string HowItEnded(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status),
                       ::strsignal(WTERMSIG(status)));
  }
  return fmt::format("exited with code {}", WEXITSTATUS(status));
}

}  // namespace

Pool::Pool(boost::asio::io_context& loop, transport::Arena& arena, Metrics& metrics,
           const process::SignalGuard& signals, WorkerSpec spec, const PoolSettings& settings,
           std::function<void(std::string, bool)> broken)
    : loop_(loop),
      arena_(arena),
      metrics_(metrics),
      signals_(signals),
      spec_(std::move(spec)),
      settings_(settings),
      broken_(std::move(broken)),
      out_of_memory_before_(out_of_memory_.Read()),
      timer_(std::make_unique<Timer>(loop)),
      alive_(std::make_shared<bool>(true)) {}

Pool::~Pool() {
  *alive_ = false;
}

void Pool::Start() {
  const uint64_t available = process::AvailableMemory();
  if (settings_.workers) {
    wanted_ = *settings_.workers;
    one_by_one_ = !settings_.fork_workers &&
                  settings_.model_bytes * 2 * static_cast<uint64_t>(wanted_) > available;
    sized_ = true;
  } else {
    wanted_ = 1;  // until we know how large it is
  }
  StartMissing();
  ArmTimer();
}

process::Variables Pool::VariablesOf(int index) const {
  process::Variables variables;
  if (index != kTemplate) variables["BERTH_WORKER_INDEX"] = std::to_string(index);
  const auto unless_set = [&](const char* name, std::string value) {
    if (!spec_.variables.contains(name)) variables[name] = std::move(value);
  };
  const int workers = std::max(settings_.workers.value_or(settings_.cpus), 1);
  const std::string threads = std::to_string(std::max(1, settings_.cpus / workers));
  for (const char* name : {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
                           "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"}) {
    unless_set(name, threads);
  }
  if (settings_.gpus > 0)
    unless_set("CUDA_VISIBLE_DEVICES", std::to_string(index % settings_.gpus));
  return variables;
}

WorkerProcess::Events Pool::EventsOf(Worker& worker) {
  const std::string name = worker.index == kTemplate ? "template" : std::to_string(worker.index);
  return {.message = [this, &worker](const json::Object& message) { OnMessage(worker, message); },
          .finished = [this, &worker] { OnFinished(worker); },
          .output =
              [name](std::string_view id, log::Level level, std::string_view line) {
                // The user's words are never filtered, whichever stream they came on.
                log::Write(level, "handler", line, {{"worker", name}, {"request", id}});
              }};
}

void Pool::StartWorker(int index) {
  auto worker = std::make_unique<Worker>();
  Worker* const self = worker.get();
  self->index = index;
  self->began = self->active = Clock::now();
  auto process = template_ ? WorkerProcess::Fork(loop_, index, *template_->process, EventsOf(*self))
                           : WorkerProcess::Start(loop_, spec_, index, VariablesOf(index), signals_,
                                                  EventsOf(*self));
  if (!process && template_ && process.error().system_error() == EPIPE) return;  // it has just died
  if (!process) {
    StartFailed("a worker", process.error());
    return;
  }
  self->process = *std::move(process);
  if (!template_) log::Debug("serve", "worker {} is process {}", index, self->process->pid());
  if (output_paused_) self->process->PauseOutput(true);
  workers_.push_back(std::move(worker));
}

void Pool::StartFailed(std::string_view what, const Error& error) {
  if (ever_ready_ && IsShortage(error.system_error())) {
    log::Error("serve", "cannot start {} now: {}", what, error.message());
    start_again_ = Clock::now() + kShortage;
  } else {
    Break(fmt::format("cannot start {}: {}", what, error.message()), true);
  }
}

void Pool::StartMissing() {
  // What was accepted before a drain still needs workers.
  if (broken_told_ || stopping_ || (draining_ && queued_.empty())) return;
  if (Clock::now() < start_again_) return;
  if (settings_.fork_workers && !HasTemplate()) return;
  for (int index = 0; index < wanted_ && !broken_told_; ++index) {
    if (Clock::now() < start_again_) return;
    const auto is = [&](const auto& worker) { return worker->index == index; };
    if (std::ranges::any_of(workers_, is)) continue;
    const auto starting = [](const auto& worker) {
      return worker->state == Worker::State::kStarting;
    };
    if (one_by_one_ && std::ranges::any_of(workers_, starting)) return;
    StartWorker(index);
  }
}

void Pool::OnMessage(Worker& worker, const json::Object& message) {
  const std::string type = Text(message, "type");
  if (worker.index == kTemplate && type != "failed") {
    OnTemplateMessage(worker, message);
  } else if (type == "loaded" && worker.state == Worker::State::kStarting) {
    OnLoaded(worker, message);
  } else if (type == "failed") {
    worker.failed = Text(message, "error");
    worker.stage = Text(message, "stage");
  } else {
    log::Warning("serve", "worker {} says {}, which means nothing here", worker.index,
                 Quoted(type));
  }
}

void Pool::OnLoaded(Worker& worker, const json::Object& message) {
  const auto now = Clock::now();
  const std::chrono::duration<double> took = now - worker.began;
  if (settings_.fork_workers) {
    log::Info("serve", "worker {} was forked in {:.1f} ms", worker.index, took.count() * 1e3);
  } else {
    log::Info("serve", "worker {} has loaded the model in {:.1f} s", worker.index, took.count());
  }
  worker.state = Worker::State::kReady;
  worker.began = worker.active = now;
  ever_ready_ = true;
  native_decode_.clear();
  if (const json::Value* types = message.Find("native_decode"); types && types->AsArray()) {
    for (const json::Value& type : *types->AsArray()) {
      if (const std::string* text = type.AsString()) native_decode_.push_back(*text);
    }
  }
  numpy_text_ = SinceNumPy23(Text(message, "numpy")) ? NumPyText::kSince23 : NumPyText::kUntil22;
  if (!sized_) Size(worker);
  if (stopping_) worker.process->Stop();
  StartMissing();
  const auto well = std::ranges::count_if(
      workers_, [](const auto& each) { return each->state == Worker::State::kReady; });
  if (!all_ready_once_ && well >= wanted_) {
    all_ready_once_ = true;
    log::Info("serve", "ready, with {} worker{}", wanted_, wanted_ == 1 ? "" : "s");
    if (when_ready_) when_ready_();
  }
  DispatchSoon();
}

void Pool::Size(const Worker& first) {
  sized_ = true;
  const uint64_t size = std::max<uint64_t>(process::PrivateMemory(first.process->pid()).value_or(0),
                                           settings_.fork_workers ? kForkedWorker : 1);
  const uint64_t available = process::AvailableMemory();
  // A fifth is left for what requests need, and for everybody else.
  const uint64_t fitting = 1 + available / 5 * 4 / size;
  wanted_ = static_cast<int>(std::min<uint64_t>(static_cast<uint64_t>(settings_.cpus), fitting));
  // While it loads, a model is often there twice.
  one_by_one_ = !settings_.fork_workers && size * 2 * static_cast<uint64_t>(wanted_) > available;
  log::Info("serve", "{} worker{}: {} CPUs, {} MiB available, a worker has {} MiB{}", wanted_,
            wanted_ == 1 ? "" : "s", settings_.cpus, available >> 20, size >> 20,
            one_by_one_ ? "; they load one after the other" : "");
}

bool Pool::ready() const {
  return all_ready_once_ && !broken_told_ && !draining_ &&
         std::ranges::any_of(workers_, [](const auto& worker) {
           return worker->state == Worker::State::kReady && !worker->unwell;
         });
}

std::vector<WorkerGauge> Pool::Gauges() const {
  std::vector<WorkerGauge> gauges;
  gauges.reserve(workers_.size());
  for (const auto& worker : workers_) {
    const std::string_view state = worker->state == Worker::State::kStarting   ? "starting"
                                   : worker->state == Worker::State::kStopping ? "stopping"
                                   : worker->handed.empty()                    ? "idle"
                                                                               : "busy";
    gauges.push_back(
        {worker->index, state, process::ResidentMemory(worker->process->pid()).value_or(0)});
  }
  return gauges;
}

void Pool::PauseOutput(bool on) {
  output_paused_ = on;
  for (const auto& worker : workers_) worker->process->PauseOutput(on);
}

bool Pool::Reaped(pid_t pid, int status) {
  if (template_ && template_->process->pid() == pid) {
    TemplateDied(status);
    return true;
  }
  const auto found = std::ranges::find_if(
      workers_, [&](const auto& worker) { return worker->process->pid() == pid; });
  if (found == workers_.end()) return false;
  std::unique_ptr<Worker> worker = std::move(*found);
  workers_.erase(found);
  Died(std::move(worker), status);
  return true;
}

bool Pool::DiedForMemory(const Worker& worker, int status) {
  const auto now = out_of_memory_.Read();
  const auto before = std::exchange(out_of_memory_before_, now);
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  return killed && !worker.overran && !worker.unwell && now.value_or(0) > before.value_or(0);
}

void Pool::Died(std::unique_ptr<Worker> worker, int status) {
  worker->process->ReadRest();
  const bool out_of_memory = DiedForMemory(*worker, status);
  TakeBack(*worker);
  OnFinished(*worker);
  FailRunning(*worker, status, out_of_memory);
  for (const uint32_t slot : worker->kept) arena_.Drop(slot);
  if (worker->state != Worker::State::kStopping) CountFailure(*worker, status, out_of_memory);
  worker.reset();
  StartMissing();
  if (!queued_.empty()) DispatchSoon();
  ArmTimer();
  CheckDrained();
}

void Pool::FailRunning(Worker& worker, int status, bool out_of_memory) {
  while (!worker.handed.empty()) {
    Job& job = worker.handed.front();
    if (!job.slot) {
      Recycle(worker.handed, worker.handed.begin());
    } else if (worker.overran) {
      Fail(job, Failure::kOverran, "the model took longer than SAGEMAKER_MODEL_SERVER_TIMEOUT");
    } else if (worker.protocol_broken) {
      Fail(job, Failure::kBadAnswer, "the worker's answer cannot be read: see the server's log");
    } else if (out_of_memory) {
      Fail(job, Failure::kOutOfMemory,
           "the kernel killed the worker that ran this request for want of memory");
    } else {
      Fail(job, Failure::kWorkerDied,
           fmt::format("the worker that ran this request {}", HowItEnded(status)));
    }
  }
}

void Pool::CountFailure(const Worker& worker, int status, bool out_of_memory) {
  const auto now = Clock::now();
  if (now - last_failure_ > kForgetFailures && ever_ready_) failures_ = 0;
  last_failure_ = now;
  ++failures_;
  const bool loading = worker.state == Worker::State::kStarting;
  std::string reason = fmt::format("{} {}", worker.Name(), HowItEnded(status));
  if (out_of_memory) reason += ": the kernel wanted its memory";
  if (worker.stage == "fork") {
    reason = fmt::format("{} could not be forked: {}", worker.Name(), worker.failed);
  } else if (!worker.failed.empty()) {
    reason = fmt::format("{} could not load the {}: {}", worker.Name(),
                         worker.stage == "model" || worker.stage == "warmup" ? "model" : "handler",
                         worker.failed);
  } else if (loading) {
    reason += worker.overran
                  ? fmt::format(
                        " because the model was not loaded within SAGEMAKER_STARTUP_TIMEOUT, {} s",
                        std::chrono::duration_cast<seconds>(settings_.startup_timeout).count())
                  : " while it loaded the model";
  }
  ++metrics_.restarts[worker.overran        ? "overran"
                      : out_of_memory       ? "memory"
                      : loading             ? "load"
                      : worker.unwell       ? "unwell"
                      : WIFSIGNALED(status) ? "signal"
                                            : "exit"];
  log::Error("serve", "{}", reason);
  last_reason_ = reason;
  if (worker.stage == "handler" || worker.stage == "application") {
    Break(worker.failed, true);
  } else if (!ever_ready_ && failures_ >= kStartFailures) {
    Break(fmt::format("{} (tried {} times)", reason, failures_), false);
  } else if (failures_ >= kCrashLoop) {
    Break(fmt::format("workers end again and again; the last: {}", reason), false);
  } else {
    // Answers of the workers that live on say nothing of the template.
    if (worker.index == kTemplate && loading) ++template_failures_;
    const int times = std::max(failures_, template_failures_);
    if (times > 1) {
      start_again_ =
          now + std::min(kFirstBackOff * (1 << std::min(times - 2, 10)), kLongestBackOff);
    }
  }
}

void Pool::Break(std::string reason, bool configuration) {
  if (std::exchange(broken_told_, true)) return;
  FailAll(Failure::kShutDown, "the server ends: " + reason);
  broken_(std::move(reason), configuration);
}

void Pool::Tick() {
  const auto now = Clock::now();
  while (!queued_.empty() && queued_.front().deadline <= now) {
    Fail(queued_.front(), Failure::kExpired,
         "the request's time was over before a worker could begin it");
  }
  TickTemplate(now);
  for (const auto& worker : workers_) {
    TickWorker(*worker, now);
    const auto quiet = now - worker->active;
    if (worker->state == Worker::State::kStarting && !worker->overran &&
        now - worker->began > settings_.startup_timeout) {
      worker->overran = true;
      worker->process->Kill();
    } else if (worker->state == Worker::State::kStopping && now > worker->began + kExitHooks) {
      worker->process->Kill();
    } else if (worker->state != Worker::State::kReady || worker->unwell) {
      continue;
    } else if ((worker->beating && quiet > 2 * kHeartbeat) ||
               (worker->asleep && now - *worker->asleep > kHeartbeat)) {
      worker->unwell = true;
      log::Error("serve", "worker {} is replaced: it gives no sign of life", worker->index);
      worker->process->Kill();
    } else if (worker->handed.empty() && quiet > kHeartbeat) {
      if (spare_.empty()) spare_.emplace_back();
      worker->handed.splice(worker->handed.end(), spare_, spare_.begin());
      worker->handed.back().worker = worker.get();
      worker->handed.back().self = std::prev(worker->handed.end());
      worker->beating = true;
      worker->began = now;
      worker->process->channel().Push(transport::kHeartbeat);
      worker->process->channel().Tell();
    }
  }
  if (draining_ && !stopping_ && now >= drain_until_) {
    size_t begun = 0;
    for (const auto& worker : workers_) begun += worker->handed.empty() ? 0 : 1;
    log::Warning("serve",
                 "BERTH_DRAIN_SECONDS are over: requests that are not finished are cut off ({} "
                 "wait, {} worker{} busy)",
                 queued_.size(), begun, begun == 1 ? " is" : "s are");
    FailAll(Failure::kShutDown, "the server ends");
    for (const auto& worker : workers_) {
      if (!worker->handed.empty()) worker->process->Kill();
    }
  }
  StartMissing();
  CheckDrained();
  ArmTimer();
}

void Pool::ArmTimer() {
  // Exact times do not matter here; that nothing ticks for nothing does.
  const bool deep =
      std::ranges::any_of(workers_, [](const auto& worker) { return worker->handed.size() > 1; });
  const bool busy = !queued_.empty() || draining_ ||
                    std::ranges::any_of(workers_,
                                        [](const auto& worker) {
                                          return !worker->handed.empty() ||
                                                 worker->state != Worker::State::kReady;
                                        }) ||
                    Clock::now() < start_again_;
  const milliseconds wait = deep ? milliseconds(20) : busy ? milliseconds(100) : milliseconds(1000);
  const auto at = Clock::now() + wait;
  // One that is due sooner will do; re-arming for each request would cost more than it brings.
  if (timer_->timer.expiry() > Clock::now() && timer_->timer.expiry() <= at) return;
  timer_->timer.expires_at(at);
  timer_->timer.async_wait([this, alive = alive_](const boost::system::error_code& error) {
    if (!error && *alive) Tick();
  });
}

void Pool::Drain(std::chrono::nanoseconds limit, std::function<void()> done) {
  draining_ = true;
  drain_until_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(limit);
  drained_ = std::move(done);
  CheckDrained();
  ArmTimer();
}

void Pool::CheckDrained() {
  if (!draining_ || !drained_) return;
  if (!stopping_) {
    const bool idle = queued_.empty() && std::ranges::all_of(workers_, [](const auto& worker) {
                        return std::ranges::none_of(worker->handed, [](const Job& job) {
                          return static_cast<bool>(job.slot);
                        });
                      });
    if (!idle) return;
    stopping_ = true;
    std::erase_if(workers_, IsBeingForked);
    for (const auto& worker : workers_) {
      // One that is still loading has nothing to finish.
      if (worker->state == Worker::State::kStarting) worker->process->Kill();
      if (worker->state == Worker::State::kReady) worker->process->Stop();
      worker->state = Worker::State::kStopping;
      worker->began = Clock::now();
    }
  }
  if (NoneIsLeft()) std::exchange(drained_, nullptr)();
}

}  // namespace berth::serving::worker
