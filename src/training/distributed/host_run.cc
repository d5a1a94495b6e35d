#include "training/distributed/host_run.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <utility>

#include "core/log.h"
#include "core/text.h"
#include "training/distributed/rank_failure.h"
#include "training/failure.h"

namespace berth::training {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kRoom = "training";
/// So many ranks of a host that ended well are told of.
constexpr size_t kMostDone = 16;
using Clock = EventLoop::Clock;

std::chrono::microseconds Since(EventLoop::Clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(EventLoop::Clock::now() - time);
}

std::string HowEnded(const process::Outcome& outcome) {
  if (outcome.signal == 0) return fmt::format("ended with exit code {}", outcome.exit_code);
  return fmt::format("was killed by signal {} ({})", outcome.signal, ::strsignal(outcome.signal));
}

}  // namespace

HostRun::HostRun(EventLoop& loop, HostRunOptions options, std::function<void(const Report&)> tell)
    : loop_(loop), options_(std::move(options)), tell_(std::move(tell)) {}

HostRun::~HostRun() {
  loop_.Cancel(kill_);
  loop_.Cancel(look_);
  if (ready_watch_) loop_.Forget(ready_watch_.get());
}

void HostRun::Obey(const Order& order) {
  std::visit([this](const auto& kind) { Do(kind); }, order);
}

void HostRun::Do(const StartOrder& order) {
  start_ = order;
}

void HostRun::Do(const StopAllOrder& order) {
  if (!order.why.empty() && !stop_) {
    log::Info(kRoom, "stopping: {}",
              options_.secrets.Mask(order.why.substr(0, order.why.find('\n'))));
  }
  if (!plan_) {
    start_.reset();
    tell_(HostIdle{order.attempt});
    return;
  }
  if (order.attempt != attempt_) return;
  told_again_ = stop_.has_value();
  finish_serving_ = told_again_ || !order.serve_on;
  if (!stop_ && ranks_) {
    if (order.stacks) {
      ranks_->DumpStacks();
    } else {
      ranks_->Signal(order.signal);
    }
  }
  const Clock::time_point kill_at = Clock::now() + order.grace;
  if (!stop_ || kill_at < kill_at_) {
    kill_at_ = kill_at;
    loop_.Cancel(kill_);
    // The command is told by StopOrderNow(), which is asked whenever the loop ran.
    kill_ = loop_.At(kill_at_, [this] { kill_ = 0; });
  }
  if (!stop_) stop_ = order;
  launcher_output_.Mute();
  TellQuiet();
}

void HostRun::Do(const EndOrder& order) {
  if (ending_) return;
  if (plan_ && !stop_) {
    // The leader is gone: nobody else will order it.
    Do(StopAllOrder{.attempt = attempt_,
                    .signal = SIGTERM,
                    .grace = milliseconds(1'000),
                    .why = order.ending.text});
  }
  ending_ = order.ending;
}

Ending HostRun::Run() {
  while (!ending_) {
    if (start_) {
      RunAttempt(*std::exchange(start_, std::nullopt));
    } else {
      Wait();
    }
  }
  return *ending_;
}

void HostRun::Wait() {
  std::array<pollfd, 2> waits{{{loop_.descriptor(), POLLIN, 0},
                               {signal_seen_ ? -1 : options_.held.descriptor(), POLLIN, 0}}};
  ::poll(waits.data(), waits.size(), -1);
  if (waits[1].revents != 0) OnSignal(options_.held.Pending());
  loop_.RunReady();
}

void HostRun::OnSignal(int signal) {
  if (signal == 0) return;
  if (std::exchange(signal_seen_, true)) {
    // Asked again: what that means is for the ranks to interpret.
    if (ranks_) ranks_->Signal(signal);
    return;
  }
  stop_asked_ = Clock::now();
  tell_(HostStopping{signal});
}

// --- one attempt --------------------------------------------------------------------------------

void HostRun::RunAttempt(const StartOrder& order) {
  attempt_ = order.attempt;
  stop_.reset();
  failed_.reset();
  done_.clear();
  launcher_output_ = {};
  rank_seen_ = finish_serving_ = told_again_ = quiet_told_ = false;
  told_ = Stall::kNone;
  told_command_ = Stopping::kNo;
  if (auto prepared = Prepare(order); !prepared) {
    plan_.reset();
    tell_(HostServing{attempt_, true});
    tell_(HostFinished{attempt_,
                       milliseconds::zero(),
                       {.code = 1, .type = "ClientError", .text = prepared.error().message()}});
    return;  // the order to stop follows, and finds us idle
  }
  Supervise();
  while (!stop_ && !ending_) Wait();
  Drain();
  loop_.Cancel(std::exchange(kill_, 0));
  loop_.Cancel(std::exchange(look_, 0));
  if (ready_watch_) {
    loop_.Forget(ready_watch_.get());
    ready_watch_.Close();
  }
  ranks_.reset();
  watchdog_.reset();
  plan_.reset();
  tell_(HostIdle{attempt_, std::exchange(done_, {})});
}

Result<void> HostRun::Prepare(const StartOrder& order) {
  BERTH_ASSIGN(plan_, options_.launcher.MakePlan(order.facts));
  const std::string count = std::to_string(attempt_);
  plan_->command.variables["BERTH_RESTART_COUNT"] = count;
  if (options_.watchdog.any()) Watch();
  if (!plan_->ranks) {
    // For the stacks that a stall asks for; `berth rank` sets it for ranks.
    if (watchdog_) plan_->command.variables.try_emplace("PYTHONFAULTHANDLER", "1");
    return {};
  }
  plan_->ranks->variables["BERTH_RESTART_COUNT"] = count;
  ranks::RankHostOptions options{.socket_name = plan_->rank_socket,
                                 .host = options_.host,
                                 .program = *plan_->ranks,
                                 .several = plan_->several,
                                 .tail_bytes = options_.tail_bytes};
  ranks::RankHostEvents events;
  events.started = [this](int rank) { OnRankStarted(rank); };
  events.ended = [this](const ranks::RankEnd& end) { OnRankEnded(end); };
  if (watchdog_) {
    events.output = [this](int rank, std::string_view bytes) {
      watchdog_->Feed(rank, bytes, Clock::now());
      Look();
    };
  }
  BERTH_ASSIGN(ranks_, ranks::RankHost::Open(loop_, std::move(options), std::move(events)));
  return {};
}

void HostRun::AwaitReadyFile() {
  namespace fs = std::filesystem;
  const bool works = plan_->work != launch::Plan::Work::kMaster;
  const fs::path file = plan_->ready_file;
  if (file.empty()) return tell_(HostServing{attempt_, works});
  ready_watch_ = Descriptor(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  const auto look = [this, works, file](uint32_t) {
    std::array<char, 4096> events{};
    while (::read(ready_watch_.get(), events.data(), events.size()) > 0) {
    }
    std::error_code unknown;
    if (!fs::exists(file, unknown)) return;
    loop_.Forget(ready_watch_.get());
    ready_watch_.Close();
    tell_(HostServing{attempt_, works});
  };
  if (!ready_watch_ ||
      ::inotify_add_watch(ready_watch_.get(), file.parent_path().c_str(), IN_CREATE | IN_MOVED_TO) <
          0 ||
      !loop_.Watch(ready_watch_.get(), EPOLLIN, look)) {
    log::Warning(kRoom, "cannot wait for \"{}\"", file.string());
    return tell_(HostServing{attempt_, works});
  }
}

void HostRun::Supervise() {
  AwaitReadyFile();
  process::SuperviseOptions options;
  options.grace = options_.grace;
  options.orphan_grace = kLeftBehind;
  options.tail_bytes = options_.tail_bytes;
  options.child_mask = options_.held.mask_before();
  options.beside = &loop_;
  options.stop_asked = [this] { return StopOrderNow(); };
  options.on_stop_signal = [this](int signal) { OnSignal(signal); };
  options.on_ended = [this](const process::Outcome& outcome) {
    command_ended_ = true;
    command_ended_at_ = Clock::now();
    command_ended_first_ = !stop_ || (outcome.signal != 0 && told_command_ == Stopping::kNo);
  };
  command_ended_ = false;
  command_ended_at_ = Clock::now();
  command_ended_first_ = !stop_;
  if (watchdog_ && !ranks_) {
    watchdog_->Started(0, options_.host, Clock::now());
    options.observer = [this](process::Stream, std::string_view bytes) {
      watchdog_->Feed(0, bytes, Clock::now());
      Look();
    };
    LookAgain();
  }
  if (ranks_) {
    log::Info("launch", "running: {}", options_.secrets.MaskCommand(plan_->command.argv));
    options.output_fd = options.error_fd = -1;
    options.observer = [this](process::Stream stream, std::string_view bytes) {
      launcher_output_.Feed(stream, bytes);
    };
  }
  const auto outcome = process::Supervise(plan_->command, options);
  launcher_output_.Finish();
  if (outcome) {
    // What the command left unfinished must not run into our own next line.
    if (!ranks_ && !outcome->error_tail.empty() && outcome->error_tail.back() != '\n') {
      [[maybe_unused]] const auto ignored = WriteAll(STDERR_FILENO, "\n", 1);
    }
    return CommandEnded(*outcome);
  }
  tell_(HostFinished{attempt_,
                     milliseconds::zero(),
                     {.code = 1, .type = "ClientError", .text = outcome.error().message()}});
}

void HostRun::CommandEnded(const process::Outcome& outcome) {
  const bool works = plan_->work == launch::Plan::Work::kCommand;
  if (!command_ended_first_ && !works) return;
  const std::string program = std::filesystem::path(plan_->command.argv.front()).filename();
  Ending ending;
  if (!works) {
    ending = {.code = outcome.ok() ? 1 : outcome.code(),
              .type = "ExecuteUserScriptError",
              .text = fmt::format("{} ended before the job did: {}", program, HowEnded(outcome))};
  } else if (!outcome.ok()) {
    ending = {.code = outcome.code(), .type = "ExecuteUserScriptError", .text = {}};
  }
  if (ending.code != 0) {
    // Ranks that failed before the launcher gave up are why it did.
    if (failed_) {
      failed_->age = Since(failed_at_);
      tell_(*failed_);
    }
    std::string message = FailureMessage(outcome);
    if (plan_->ranks && outcome.start_error.empty()) {
      if (ending.text.empty()) ending.text = fmt::format("{} {}", program, HowEnded(outcome));
      message = MostTelling(outcome.error_tail);
    }
    if (!message.empty()) ending.text += (ending.text.empty() ? "" : "\n") + message;
    ending.text = options_.secrets.Mask(ending.text);
  }
  Cause cause = Cause::kOwn;
  if (plan_->ranks && outcome.signal == 0) cause = Cause::kDoubtful;
  if (!command_ended_first_) cause = Cause::kEnded;
  tell_(HostFinished{attempt_, Since(command_ended_at_), std::move(ending), cause});
}

/// All that ranks have written goes into the log, if somebody takes it.
void HostRun::Drain() {
  if (!ranks_) return;
  bool late = false;
  const EventLoop::Timer deadline = loop_.After(kOutputDeadline, [&] { late = true; });
  while (!ranks_->idle() && !late) Wait();
  loop_.Cancel(deadline);
  if (late) ranks_->Abandon();
  if (ranks_->output_lost()) log::Warning(kRoom, "some output of the ranks could not be passed on");
}

// --- ranks --------------------------------------------------------------------------------------

void HostRun::OnRankStarted(int rank) {
  rank_seen_ = true;
  if (options_.launcher.restarts() > 0) failed_.reset();
  if (watchdog_) {
    watchdog_->Started(rank, options_.host, Clock::now());
    Look();
  }
  // It came when all were told to stop already.
  if (stop_) ranks_->Signal(stop_->signal);
}

void HostRun::OnRankEnded(const ranks::RankEnd& end) {
  if (watchdog_) {
    watchdog_->Ended(end.rank);
    LookAgain();
  }
  const bool work = plan_->work == launch::Plan::Work::kRanks;
  Ending ending;
  if (end.ok() && !stop_ && done_.size() < kMostDone) done_.push_back(end.rank);
  if (!end.ok()) {
    ending = EndingOf(end, options_.secrets);
    RankFailed failed{attempt_, end.rank, Since(FailedAt(end)), ending,
                      CauseOf(end, command_ended_, plan_->work == launch::Plan::Work::kCommand)};
    if (options_.launcher.restarts() == 0) {
      tell_(failed);
    } else if (!failed_) {
      failed_ = std::move(failed);
      failed_at_ = FailedAt(end);
    }
  }
  if (work) tell_(HostFinished{attempt_, Since(end.at), std::move(ending)});
  TellQuiet();
}

void HostRun::TellQuiet() {
  if (!stop_ || !ranks_ || ranks_->running() > 0 || std::exchange(quiet_told_, true)) return;
  tell_(HostQuiet{attempt_});
}

/// What the command must be told now, once each.
std::optional<process::StopOrder> HostRun::StopOrderNow() {
  if (!stop_) return std::nullopt;
  const auto left = std::max(std::chrono::duration_cast<milliseconds>(kill_at_ - Clock::now()),
                             milliseconds::zero());
  if (left == milliseconds::zero()) {
    if (std::exchange(told_command_, Stopping::kKilling) == Stopping::kKilling) return std::nullopt;
    return process::StopOrder{.signal = SIGTERM, .grace = milliseconds::zero()};
  }
  if (told_command_ != Stopping::kNo) return std::nullopt;
  process::StopOrder order{.signal = stop_->signal, .grace = left};
  if (!ranks_) {
    if (stop_->stacks) order.signal = SIGABRT;
  } else {
    // The launcher ends when its ranks have; told to end before, it would not leave them the time.
    const bool none = ranks_->running() == 0;
    const bool works = plan_->work == launch::Plan::Work::kCommand;
    const bool ends_by_itself =
        works && rank_seen_ && !told_again_ && options_.launcher.restarts() == 0;
    const bool now = none && !ends_by_itself && (finish_serving_ || (works && rank_seen_));
    if (!now) return std::nullopt;
    order.signal = SIGTERM;
  }
  told_command_ = Stopping::kAsked;
  return order;
}

// --- the watchdog -------------------------------------------------------------------------------

void HostRun::Watch() {
  watchdog_.emplace(options_.watchdog);
  LookAgain();
}

void HostRun::LookAgain() {
  loop_.Cancel(std::exchange(look_, 0));
  if (!watchdog_ || stop_) return;
  if (const auto next = watchdog_->Next()) {
    look_ = loop_.At(*next, [this] {
      look_ = 0;
      Look();
    });
    return;
  }
  // A host whose ranks have not come, or have ended, must not keep the others' silence from
  // counting.
  const auto& settings = options_.watchdog;
  const milliseconds limit = std::max(settings.silence.value_or(milliseconds::zero()),
                                      settings.value_silence.value_or(milliseconds::zero()));
  if (limit == milliseconds::zero()) return;
  look_ = loop_.After(limit, [this] {
    look_ = 0;
    TellStall(fmt::format("no rank runs on {}", options_.host), false);
  });
}

void HostRun::Look() {
  if (stop_) return;
  const Clock::time_point now = Clock::now();
  if (ranks_ && ranks_->blocked()) {
    // Ranks may be silent because nobody reads what they say.
    watchdog_->Rest(now);
    return LookAgain();
  }
  if (auto stall = watchdog_->Check(now)) {
    TellStall(stall->text, stall->alone);
  } else if (told_ != Stall::kNone) {
    TellStall("", false);
  }
  if (told_ == Stall::kNone) LookAgain();
}

void HostRun::TellStall(const std::string& text, bool alone) {
  const Stall now = text.empty() ? Stall::kNone : alone ? Stall::kAstray : Stall::kSilent;
  if (std::exchange(told_, now) == now) return;
  tell_(HostStalled{attempt_, alone, options_.secrets.Mask(text)});
}

}  // namespace berth::training
