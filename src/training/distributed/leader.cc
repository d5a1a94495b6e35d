#include "training/distributed/leader.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>

#include "core/log.h"
#include "core/text.h"

namespace berth::training {
namespace {

constexpr std::string_view kRoom = "training";

/// A host that vanishes takes its ranks along, and others fail because of those, often before the
/// loss is seen: it is the culprit of what came so much earlier as well.
constexpr std::chrono::milliseconds kLossLag{1'000};

/// How much later a failure counts that another is likely to have caused: launchers end all ranks
/// when one has failed, often before anybody hears of that one. One that no other can have caused
/// counts from before those that fail at once because of it; a rank that we kill ourselves, because
/// it does not end, is later still (kFailureGrace).
std::chrono::milliseconds Lag(Cause cause) {
  switch (cause) {
    case Cause::kOwn:
      break;
    case Cause::kKilled:
      return std::chrono::milliseconds(-500);
    case Cause::kDoubtful:
      return std::chrono::milliseconds(1'000);
    case Cause::kEnded:
      return std::chrono::milliseconds(5'000);
  }
  return std::chrono::milliseconds::zero();
}

}  // namespace

Leader::Leader(EventLoop& loop, LeaderOptions options, Send send, std::function<void()> over)
    : loop_(loop), options_(std::move(options)), send_(std::move(send)), over_(std::move(over)) {
  for (const std::string& host : options_.hosts) hosts_.emplace(host, Host{});
  hosts_.at(options_.hosts.front()).joined = true;
  SayMissing(kFirstMissing);
  deadline_ = loop_.After(kReadyDeadline, [this] {
    deadline_ = 0;
    End({.code = 1,
         .type = "ClientError",
         .text = fmt::format("not all hosts were ready within {} min: {} did not come",
                             kReadyDeadline.count(), Join(Missing(), ", "))});
  });
}

Leader::~Leader() {
  loop_.Cancel(deadline_);
  loop_.Cancel(missing_);
}

std::vector<std::string> Leader::Missing() const {
  std::vector<std::string> names;
  for (const std::string& host : options_.hosts) {
    if (!hosts_.at(host).ready) names.push_back(host);
  }
  constexpr size_t kTold = 10;
  if (names.size() > kTold) {
    const size_t more = names.size() - kTold;
    names.resize(kTold);
    names.push_back(fmt::format("and {} more", more));
  }
  return names;
}

void Leader::SayMissing(std::chrono::seconds after) {
  missing_ = loop_.After(after, [this, after] {
    log::Info(kRoom, "waiting for {}", Join(Missing(), ", "));
    SayMissing(2 * after);
  });
}

void Leader::Receive(const std::string& host, const Report& report) {
  if (!hosts_.contains(host) || hosts_.at(host).lost) return;
  std::visit([&](const auto& kind) { On(host, kind); }, report);
}

void Leader::Joined(const std::string& host) {
  Host& about = hosts_.at(host);
  about.joined = true;
  if (state_ != State::kOver) return;
  send_(host, EndOrder{*ending_});
  CheckOver();
}

void Leader::Lost(const std::string& host, const std::string& why) {
  Host& about = hosts_.at(host);
  if (about.lost) return;
  about.lost = true;
  if (state_ == State::kOver) return CheckOver();
  if (stop_) stop_->text += fmt::format("; host {} was lost: {}", host, why);
  Suspected({.at = Clock::now() - kLossLag,
             .ending = {.code = 1,
                        .type = "ExecuteUserScriptError",
                        .text = fmt::format("host {} was lost: {}", host, why)},
             .lost_host = true});
  CheckIdle();
}

void Leader::On(const std::string& host, const HostReady& report) {
  Host& about = hosts_.at(host);
  about.ready = true;
  about.facts = report.facts;
  if (state_ == State::kGathering && AllPresent(&Host::ready)) Begin();
}

void Leader::On(const std::string& host, const HostUnable& report) {
  if (state_ != State::kGathering) return;
  Ending ending = report.ending;
  if (ending.code == 0) ending.code = 1;
  ending.text = fmt::format("host {} could not start: {}", host, ending.text);
  End(std::move(ending));
}

/// The others first: what they run serves the leader's command, or waits for it.
void Leader::Begin() {
  state_ = State::kRunning;
  loop_.Cancel(std::exchange(deadline_, 0));
  loop_.Cancel(std::exchange(missing_, 0));
  suspects_.clear();
  leader_started_ = false;
  for (auto& [name, host] : hosts_) {
    host.done.clear();
    host.serving = host.finished = host.quiet = host.idle = host.silent = false;
  }
  const std::string& leader = options_.hosts.front();
  for (const auto& [name, host] : hosts_) {
    if (name == leader) continue;
    send_(name, StartOrder{.attempt = attempt_, .facts = {{leader, hosts_.at(leader).facts}}});
  }
  StartLeader();
}

void Leader::StartLeader() {
  const std::string& leader = options_.hosts.front();
  const bool all_serve = std::ranges::all_of(
      hosts_, [&](const auto& entry) { return entry.first == leader || entry.second.serving; });
  if (!all_serve || state_ != State::kRunning || std::exchange(leader_started_, true)) return;
  StartOrder order{.attempt = attempt_, .facts = {}};
  for (const auto& [name, host] : hosts_) {
    if (name != leader) order.facts.emplace(name, host.facts);
  }
  send_(leader, order);
}

void Leader::On(const std::string& host, const HostServing& report) {
  if (report.attempt != attempt_) return;
  Host& about = hosts_.at(host);
  about.serving = true;
  about.works = report.works;
  StartLeader();
  CheckDone();
}

void Leader::On(const std::string& host, const RankFailed& report) {
  if (report.attempt != attempt_) return;
  Ending ending = report.ending;
  ending.text = fmt::format("rank {} on {}: {}", report.rank, host, ending.text);
  Suspected({.at = Clock::now() - report.age + Lag(report.cause), .ending = std::move(ending)});
}

void Leader::On(const std::string& host, const HostFinished& report) {
  if (report.attempt != attempt_) return;
  hosts_.at(host).finished = true;
  if (report.ending.code == 0) return CheckDone();
  Ending ending = report.ending;
  if (hosts_.size() > 1) ending.text = fmt::format("{}: {}", host, ending.text);
  Suspected({.at = Clock::now() - report.age + Lag(report.cause), .ending = std::move(ending)});
  CheckDone();
}

bool Leader::WorkIsDone() const {
  return std::ranges::all_of(hosts_, [](const auto& entry) {
    const Host& host = entry.second;
    return host.lost || (host.serving && (host.finished || !host.works));
  });
}

void Leader::CheckDone() {
  if (state_ == State::kStopping) return CheckQuiet();
  if (state_ != State::kRunning || !leader_started_ || !WorkIsDone()) return;
  StopAll({.attempt = attempt_, .signal = SIGTERM, .grace = kDoneGrace});
}

/// The grace is for ranks. Where all of them have ended, or none had come, nobody needs those any
/// more who started or served them; a launcher that is stopped while it starts may never end.
void Leader::CheckQuiet() {
  if (state_ != State::kStopping || !serves_on_) return;
  const bool quiet = std::ranges::all_of(hosts_, [](const auto& entry) {
    const Host& host = entry.second;
    return host.lost || host.idle || host.finished || host.quiet;
  });
  if (quiet) StopAll({.attempt = attempt_, .signal = SIGTERM, .grace = kDoneGrace});
}

void Leader::On(const std::string& host, const HostStopping& report) {
  if (stop_ || state_ == State::kOver) return;
  if (state_ == State::kStopping && !suspects_.empty()) {
    // It has failed already, and that may be why the platform ends it.
    again_ = false;
    return;
  }
  std::string text = fmt::format("stopped by {}", ::strsignal(report.signal));
  if (hosts_.size() > 1) text += fmt::format(" on {}", host);
  stop_ = Ending{.code = 128 + report.signal, .type = "ExecuteUserScriptError", .text = text};
  if (state_ == State::kGathering) return End(*stop_);
  if (state_ == State::kRunning) {
    StopAll({.attempt = attempt_,
             .signal = report.signal,
             .grace = options_.grace,
             .serve_on = true,
             .why = text});
  }
}

void Leader::On(const std::string& host, const HostStalled& report) {
  if (report.attempt != attempt_ || state_ != State::kRunning) return;
  Host& about = hosts_.at(host);
  about.silent = !report.text.empty();
  about.silence = report.text;
  if (!about.silent) return;
  // Hosts that only serve have ranks too; those that have none say nothing and are not asked.
  const bool all =
      std::ranges::all_of(hosts_, [](const auto& entry) { return entry.second.silent; });
  if (!report.alone && !all) return;
  suspects_.push_back({.at = Clock::time_point::min(),
                       .ending = {.code = 1,
                                  .type = "ExecuteUserScriptError",
                                  .text = "the watchdog ended the job: " + report.text}});
  StopAll({.attempt = attempt_,
           .signal = SIGTERM,
           .grace = kStacksGrace,
           .stacks = true,
           .why = "the watchdog: " + report.text});
}

void Leader::Suspected(Suspect suspect) {
  if (suspect.lost_host) again_ = false;
  const std::string why = suspect.ending.text;
  suspects_.push_back(std::move(suspect));
  if (state_ == State::kGathering) return End(Culprit());
  if (state_ == State::kRunning) {
    StopAll({.attempt = attempt_, .signal = SIGTERM, .grace = kFailureGrace, .why = why});
  }
}

void Leader::StopAll(StopAllOrder order) {
  state_ = State::kStopping;
  serves_on_ = order.serve_on;
  for (const auto& [name, host] : hosts_) {
    if (!host.lost) send_(name, order);
  }
  loop_.Cancel(deadline_);
  deadline_ = loop_.After(order.grace + kIdleDeadline, [this] {
    deadline_ = 0;
    again_ = false;
    for (auto& [name, host] : hosts_) {
      if (host.lost || host.idle) continue;
      log::Warning(kRoom, "host {} did not say that its processes have ended", name);
      host.idle = true;
    }
    CheckIdle();
  });
}

void Leader::On(const std::string& host, const HostQuiet& report) {
  if (report.attempt != attempt_) return;
  hosts_.at(host).quiet = true;
  CheckQuiet();
}

void Leader::On(const std::string& host, const HostIdle& report) {
  if (report.attempt != attempt_) return;
  hosts_.at(host).idle = true;
  hosts_.at(host).done = report.done;
  CheckQuiet();
  CheckIdle();
}

void Leader::CheckIdle() {
  if (state_ != State::kStopping || !AllPresent(&Host::idle)) return;
  loop_.Cancel(std::exchange(deadline_, 0));
  Settle();
}

void Leader::Settle() {
  if (stop_) return End(*stop_);
  if (suspects_.empty()) return End({});
  Ending culprit = Culprit();
  // Open MPI and others end a job of which a rank is gone without MPI_Finalize.
  const bool explained = culprit.text.find("Traceback") != std::string::npos;
  if (const std::string done = DoneText(); !explained && !done.empty()) {
    culprit.text += fmt::format("\n{} had ended with exit code 0 before", done);
  }
  if (!again_ || attempt_ >= options_.max_restarts) return End(std::move(culprit));
  ++attempt_;
  log::Warning(kRoom, "starting again in place, {} of {} times, after: {}", attempt_,
               options_.max_restarts, ToValidUtf8(culprit.text, 400));
  Begin();
}

/// "rank 3 on algo-2": the ranks that had ended well before the others were stopped.
std::string Leader::DoneText() const {
  std::vector<std::string> names;
  for (const std::string& name : options_.hosts) {
    for (const int rank : hosts_.at(name).done) {
      names.push_back(fmt::format("rank {} on {}", rank, name));
    }
  }
  constexpr size_t kTold = 5;
  if (names.size() > kTold) {
    names.resize(kTold);
    names.emplace_back("…");
  }
  return Join(names, ", ");
}

Ending Leader::Culprit() const {
  // The first; a lost host was dated back.
  return std::ranges::min_element(suspects_, {}, &Suspect::at)->ending;
}

void Leader::End(Ending ending) {
  state_ = State::kOver;
  loop_.Cancel(std::exchange(missing_, 0));
  loop_.Cancel(std::exchange(deadline_, 0));
  if (ending.code == 0) ending = {};
  ending_ = std::move(ending);
  for (const auto& [name, host] : hosts_) {
    if (host.joined && !host.lost) send_(name, EndOrder{*ending_});
  }
  const bool late = std::ranges::any_of(
      hosts_, [](const auto& entry) { return !entry.second.joined && !entry.second.lost; });
  if (late) {
    deadline_ = loop_.After(kLateHosts, [this] {
      deadline_ = 0;
      for (auto& [name, host] : hosts_) host.joined = true;
      CheckOver();
    });
  }
  CheckOver();
}

void Leader::CheckOver() {
  const bool all = std::ranges::all_of(
      hosts_, [](const auto& entry) { return entry.second.joined || entry.second.lost; });
  if (!all || std::exchange(told_over_, true)) return;
  loop_.Cancel(std::exchange(deadline_, 0));
  over_();
}

bool Leader::AllPresent(bool Host::* what) const {
  return std::ranges::all_of(
      hosts_, [&](const auto& entry) { return entry.second.lost || entry.second.*what; });
}

}  // namespace berth::training
