#include "serving/serve.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <memory>
#include <optional>

#include "core/descriptor.h"
#include "core/log.h"
#include "process/descendants.h"
#include "process/held_signals.h"
#include "process/machine.h"
#include "process/memory.h"
#include "process/signals.h"
#include "serving/http/server.h"
#include "serving/invocation.h"
#include "serving/log_writer.h"
#include "serving/readable.h"
#include "serving/router.h"
#include "serving/setup.h"
#include "serving/transport/arena.h"
#include "serving/worker/pool.h"
#include "serving/worker/worker_zip.h"
#include "usercode/stop_relay.h"

namespace berth::serving {
namespace {

using std::chrono::milliseconds;

constexpr uint32_t kLargeSlots = 64;
/// How often we look whether the last answers are on their way.
constexpr milliseconds kLastAnswers{20};
/// A process in an uninterruptible wait outlives SIGKILL; then we end without it.
constexpr milliseconds kLastDescendants{2'000};

/// Descriptors that are not connections': ours, and those of each worker.
constexpr uint64_t kOwnDescriptors = 64;
constexpr uint64_t kWorkerDescriptors = 16;

/// How many connections there may be, so that workers can still be replaced. Also has the kernel
/// allow so many descriptors where it may: the limit that a shell hands on is often 1024.
size_t ConnectionLimit(uint64_t workers) {
  const size_t wanted = http::Limits().connections;
  const uint64_t others = kOwnDescriptors + kWorkerDescriptors * workers;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  if (limit.rlim_cur < wanted + others) {
    limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, wanted + others);
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  const uint64_t room = limit.rlim_cur > 2 * others ? limit.rlim_cur - others : limit.rlim_cur / 2;
  return std::min<uint64_t>(wanted, room);
}

/// Bytes of large bodies at once: a quarter of what there is.
uint64_t LargeBytes(uint64_t payload) {
  return std::max<uint64_t>({uint64_t{256} << 20, 2 * payload, process::MemoryLimit() / 4});
}

Result<Descriptor> WorkerArchive() {
  const std::string_view bytes = worker::WorkerZip();
  Descriptor file(::memfd_create("berth-worker", MFD_CLOEXEC));
  if (!file) return FailErrno("cannot make the worker's code");
  BERTH_TRY(WriteAll(file.get(), bytes.data(), bytes.size()));
  return file;
}

/// BERTH_READY_FD, which is for no child of ours.
Result<Descriptor> TakeReady(const contract::ServingEnvironment& environment) {
  if (!environment.ready_fd) return Descriptor();
  if (::fcntl(*environment.ready_fd, F_SETFD, FD_CLOEXEC) != 0) {
    return FailErrno(fmt::format("cannot use the variable BERTH_READY_FD: nothing is open as {}",
                                 *environment.ready_fd));
  }
  return Descriptor(*environment.ready_fd);
}

worker::WorkerSpec SpecOf(const contract::ServingEnvironment& environment, const Setup& setup,
                          int archive, const transport::Arena& arena) {
  worker::WorkerSpec spec;
  spec.python = setup.python;
  spec.variables = setup.variables;
  spec.directory = setup.code_directory;
  spec.archive = archive;
  spec.arena = arena.descriptor();
  const bool wsgi = !environment.application.empty();
  spec.config = json::Object{
      {"mode", wsgi ? "wsgi" : "handler"},
      {"model_dir", environment.layout.model},
      // Where there is none: what is looked for, and where, is the worker's to say.
      {"code_dir", setup.code_directory.empty() ? environment.layout.code : setup.code_directory},
      {"start_dir", setup.start_directory},
      {"log_level", environment.log_level},
      {"module", setup.module},
      {"application", wsgi ? json::Value(environment.application) : json::Value(json::Null{})},
      {"default_accept", environment.default_accept},
      {"native", true},
      {"allow_pickle", environment.allow_pickle},
      {"ring_entries", static_cast<int>(transport::kRingEntries)},
      {"port", static_cast<int>(environment.port)},
      {"timeout", static_cast<long long>(environment.timeout.count())}};
  return spec;
}

/// Everything that lives while we serve.
class Server {
 public:
  Server(const contract::ServingEnvironment& environment, const process::HeldSignals& held,
         Setup setup, const process::Variables& variables, Descriptor ready)
      : environment_(environment),
        ready_(std::move(ready)),
        setup_(std::move(setup)),
        variables_(variables),
        signals_(held.mask_before()) {
    log::SetSink([this](std::string_view line) { log_.Add(line); });
  }
  ~Server() { log::SetSink({}); }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int Run() {
    if (auto made = Make(); !made) {
      log::Error("serve", "{}", made.error().message());
      return kExitRefused;
    }
    log::Info("serve", "listening on port {}", http_->port());
    pool_->WhenReady([this] { TellReady(); });
    pool_->Start();
    loop_.run();
    codecs_.stop();
    codecs_.join();
    EndDescendants();
    return exit_code_;
  }

 private:
  /// What handlers started and left, in whatever session: it would outlive us.
  void EndDescendants() const {
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);  // blocked by signals_
    const auto until = std::chrono::steady_clock::now() + kLastDescendants;
    for (;;) {
      descendants_.Signal(SIGKILL);
      while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      }
      if (!descendants_.Any() || std::chrono::steady_clock::now() >= until) return;
      const timespec wait{.tv_sec = 0, .tv_nsec = 50'000'000};
      ::sigtimedwait(&child, nullptr, &wait);
    }
  }

  Result<void> Make() {
    const process::Machine machine = process::ProbeMachine(variables_);
    const auto queue = static_cast<uint32_t>(environment_.queue_length);
    auto arena = transport::Arena::Make({.small_slots = queue + 64 * 16 + 64,
                                         .large_slots = kLargeSlots,
                                         .payload = environment_.max_payload,
                                         .large_bytes = LargeBytes(environment_.max_payload)});
    if (!arena) {
      return Fail(
          fmt::format("{}. It is address space for {} bodies and answers of {} MiB: lower "
                      "SAGEMAKER_MAX_PAYLOAD_IN_MB, or raise the limit (ulimit -v, ulimit "
                      "-f)",
                      arena.error().message(), kLargeSlots, environment_.max_payload >> 20));
    }
    arena_ = *std::move(arena);
    BERTH_ASSIGN(archive_, WorkerArchive());
    pool_ = std::make_unique<worker::Pool>(
        loop_, *arena_, metrics_, signals_, SpecOf(environment_, setup_, archive_.get(), *arena_),
        worker::PoolSettings{.workers = environment_.workers,
                             .cpus = machine.cpus,
                             .gpus = machine.gpus,
                             .timeout = environment_.timeout,
                             .startup_timeout = environment_.startup_timeout,
                             .queue_length = static_cast<size_t>(environment_.queue_length),
                             .model_bytes = setup_.model_bytes,
                             .fork_workers = environment_.fork_workers && MayFork(machine.gpus)},
        [this](const std::string& reason, bool configuration) { Broken(reason, configuration); });
    context_.emplace(InvocationContext{loop_, codecs_, *arena_, *pool_, metrics_,
                                       environment_.timeout, !environment_.application.empty()});
    router_.emplace(environment_, *context_,
                    [this] { return http_ ? http_->connections() : size_t{0}; });
    const auto workers = static_cast<uint64_t>(environment_.workers.value_or(machine.cpus));
    BERTH_ASSIGN(http_, http::Server::Listen(loop_, environment_.port,
                                             {.body = environment_.max_payload,
                                              .connections = ConnectionLimit(workers)},
                                             *router_));
    if (!signals_.descriptor()) return FailErrno("cannot make a signal descriptor");
    on_signal_.emplace(loop_, signals_.descriptor().get(), [this] { TakeSignals(); });
    return {};
  }

  void TellReady() {
    if (!ready_) return;
    const std::string text = fmt::format("{}\n", http_->port());
    if (auto told = WriteAll(ready_.get(), text.data(), text.size()); !told) {
      log::Warning("serve", "cannot tell BERTH_READY_FD: {}", told.error().message());
    }
    ready_.Close();
  }

  /// CUDA does not survive a fork.
  bool MayFork(int gpus) const {
    const auto visible = variables_.find("CUDA_VISIBLE_DEVICES");
    const bool set = visible != variables_.end();
    if (set ? visible->second.empty() || visible->second == "-1" : gpus == 0) return true;
    log::Warning("serve",
                 "BERTH_FORK_WORKERS is ignored: there are GPUs, and what a process has opened of "
                 "one is lost in a fork. For a model that uses none, set CUDA_VISIBLE_DEVICES=-1");
    return false;
  }

  void TakeSignals() {
    std::array<signalfd_siginfo, 8> taken{};
    for (;;) {
      const ssize_t n = ::read(signals_.descriptor().get(), taken.data(), sizeof taken);
      if (n <= 0) return;
      for (size_t i = 0; i < static_cast<size_t>(n) / sizeof taken[0]; ++i) {
        const int signal = static_cast<int>(taken.at(i).ssi_signo);
        if (signal == SIGCHLD) {
          Reap();
        } else if (process::IsStopSignal(signal)) {
          Stop(signal);
        }
      }
    }
  }

  void Reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) pool_->Reaped(pid, status);
  }

  void Stop(int signal) {
    if (std::exchange(stopping_, true)) {
      // A person who presses Ctrl-C twice does not want to wait; the platform sends SIGTERM once.
      if (signal == SIGINT) {
        exit_code_ = 128 + signal;
        loop_.stop();
      }
      return;
    }
    log::Info("serve", "asked to end: requests that are here have {} s",
              environment_.drain.count());
    router_->Drain();
    http_->Drain();
    until_ = std::chrono::steady_clock::now() + environment_.drain;
    pool_->Drain(environment_.drain, [this] { EndSoon(); });
  }

  /// Workers have gone; their last answers may still be on their way to the clients.
  void EndSoon() {
    if (http_->connections() == 0 || std::chrono::steady_clock::now() >= until_) {
      loop_.stop();
      return;
    }
    timer_.expires_after(kLastAnswers);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) EndSoon();
    });
  }

  void Broken(const std::string& reason, bool configuration) {
    log::Error("serve", "cannot serve: {}", reason);
    exit_code_ = configuration ? kExitRefused : kExitWorkers;
    if (std::exchange(stopping_, true)) return;
    router_->Drain();
    http_->Drain();
    until_ = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    pool_->Drain(std::chrono::seconds(2), [this] { EndSoon(); });
  }

  const contract::ServingEnvironment& environment_;
  Descriptor ready_;  // BERTH_READY_FD, until it is told
  const Setup setup_;
  const process::Variables& variables_;

  const process::SignalGuard signals_;
  // In a container that is us; elsewhere, orphans of handlers are ours all the same.
  const process::OrphanReaper reaper_;
  const process::Descendants descendants_;
  // Outlives what the loop still holds of slots when it goes.
  std::unique_ptr<transport::Arena> arena_;
  boost::asio::io_context loop_{1};
  // Handlers write no faster than the log is read.
  LogWriter log_{STDERR_FILENO, [this](bool congested) {
                   boost::asio::post(loop_, [this, congested] {
                     if (pool_) pool_->PauseOutput(congested);
                   });
                 }};
  boost::asio::thread_pool codecs_{1};
  boost::asio::steady_timer timer_{loop_};
  Metrics metrics_;
  Descriptor archive_;
  std::unique_ptr<worker::Pool> pool_;
  std::optional<InvocationContext> context_;
  std::optional<Router> router_;
  std::unique_ptr<http::Server> http_;
  std::optional<Readable> on_signal_;
  bool stopping_ = false;
  int exit_code_ = kExitServed;
  std::chrono::steady_clock::time_point until_{};
};

}  // namespace

int Serve(const contract::ServingEnvironment& environment, const process::Variables& variables) {
  log::SetLevel(log::LevelFromNumber(environment.log_level));
  log::UseJson(environment.json_log);
  const process::HeldSignals held;
  auto ready = TakeReady(environment);
  if (!ready) {
    log::Error("serve", "{}", ready.error().message());
    return kExitRefused;
  }
  auto setup = Prepare(environment, variables, held);
  if (!setup) {
    if (setup.error().system_error() == ECANCELED) {
      log::Info("serve", "{}", setup.error().message());
      usercode::TakePending(held);
      return kExitServed;
    }
    log::Error("serve", "{}", setup.error().message());
    return kExitRefused;
  }
  return Server(environment, held, *std::move(setup), variables, *std::move(ready)).Run();
}

}  // namespace berth::serving
