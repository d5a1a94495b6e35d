#include "platform/attend.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "core/log.h"
#include "core/text.h"
#include "platform/curve.h"
#include "platform/hosts.h"
#include "platform/log_lines.h"

namespace berth::platform {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// The status line is drawn anew at most so often.
constexpr milliseconds kRedraw{200};
/// After the container is gone somebody outside may still hold its pipe: we read no longer.
constexpr milliseconds kDrain{5'000};
/// From the failure of one host to SIGTERM for the others: berths tell each other at once, and an
/// end of their own says what failed.
constexpr milliseconds kHostsHear{1'000};
constexpr size_t kReadBytes = size_t{64} << 10;

/// A container while it is attended.
struct Watched {
  const Attendee* attendee = nullptr;
  LogLines lines{};
  bool ended = false;
  bool open = true;    // its log
  bool logged = true;  // nothing is missing in its log file

  Container& container() const { return *attendee->container; }
};

class Attendance {
 public:
  Attendance(std::span<const Attendee> attendees, Console& console, StopSignals& signals,
             const AttendOptions& options)
      : console_(console), signals_(signals), options_(options) {
    for (const Attendee& attendee : attendees) hosts_.push_back({.attendee = &attendee});
    result_.ends.resize(hosts_.size());
    if (options.max_runtime) deadline_ = start_ + *options.max_runtime;
    if (options.interrupt_after) {
      const Clock::time_point interruption = start_ + *options.interrupt_after;
      if (!deadline_ || interruption < *deadline_) {
        deadline_ = interruption;
        on_deadline_ = StopReason::kInterruption;
      }
    }
  }

  Attended Run() {
    while (!ended_ || std::ranges::any_of(hosts_, &Watched::open) || console_.pending()) {
      Wait();
      CheckTime();
      DrawStatus();
    }
    console_.ClearStatus();
    return std::move(result_);
  }

 private:
  void Wait() {
    enum { kSignals, kConsole, kNotice, kFixed };
    std::vector<pollfd> waits{{
        {signals_.fd(), POLLIN, 0},
        {console_.pending() ? console_.fd() : -1, POLLOUT, 0},
        {noticed_ ? -1 : options_.notice, POLLIN, 0},
    }};
    for (const Watched& host : hosts_) {
      // What cannot be shown yet is not read: the job waits, our memory does not grow.
      const bool reads = host.open && !console_.pending();
      waits.push_back({reads ? host.container().output() : -1, POLLIN, 0});
      waits.push_back({host.ended ? -1 : host.container().events(), POLLIN, 0});
    }
    const size_t errands = waits.size();
    for (const Errand* errand : options_.errands) {
      waits.push_back(
          {ended_ || !result_.errand_failure.empty() ? -1 : errand->events(), POLLIN, 0});
    }
    if (::poll(waits.data(), waits.size(), Timeout()) < 0) return;
    if (waits[kSignals].revents != 0) OnSignal();
    if (waits[kConsole].revents != 0) console_.Flush();
    // Another one comes first each time: none is kept from speaking by the others.
    for (size_t i = 0; i < hosts_.size(); ++i) {
      const size_t next = (first_ + i) % hosts_.size();
      if (waits[kFixed + 2 * next].revents != 0 && !console_.pending()) OnOutput(hosts_[next]);
    }
    first_ = (first_ + 1) % hosts_.size();
    if (waits[kNotice].revents != 0) OnNotice();
    for (size_t i = 0; i < hosts_.size(); ++i) {
      if (waits[kFixed + 2 * i + 1].revents != 0) OnEvent(i);
    }
    for (size_t i = 0; i < options_.errands.size(); ++i) {
      if (waits[errands + i].revents != 0) OnErrand(*options_.errands[i]);
    }
  }

  int Timeout() const {
    std::optional<Clock::time_point> next = deadline_;
    if (shows_status_) {
      const Clock::time_point redraw = last_draw_ + kRedraw;
      next = next ? std::min(*next, redraw) : redraw;
    }
    if (!next) return -1;
    const auto left = std::chrono::ceil<milliseconds>(*next - Clock::now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
  }

  void OnSignal() {
    while (const std::optional<int> signal = signals_.Read()) {
      if (result_.stopped == StopReason::kNone && !ended_) {
        result_.stop_signal = *signal;
        Stop(StopReason::kSignal);
        continue;
      }
      console_.MakeRoom();
      log::Info("local", "asked again to stop: killing what is left of the {}", options_.what);
      for (const Watched& host : hosts_) host.container().Kill();
      console_.Drop();
    }
  }

  void OnErrand(Errand& errand) {
    Errand::News news = errand.Read();
    if (news.kind == Errand::News::Kind::kProgress || !result_.errand_failure.empty()) return;
    result_.errand_failure = std::move(news.text);
    if (ended_ || result_.stopped != StopReason::kNone) return;
    console_.MakeRoom();
    log::Error("local", "{}", result_.errand_failure);
    Stop(StopReason::kErrand);
  }

  void Stop(StopReason reason) {
    result_.stopped = reason;
    console_.MakeRoom();
    if (reason != StopReason::kHost) options_.on_stop(reason, result_.stop_signal);
    for (const Watched& host : hosts_) {
      if (!host.ended) host.container().Stop();
    }
    deadline_ = Clock::now() + options_.stop_grace;
  }

  void CheckTime() {
    // A paused terminal is no reason to lose the end of the log.
    if (ended_ && console_.pending()) deadline_ = Clock::now() + kDrain;
    if (!deadline_ || Clock::now() < *deadline_) return;
    deadline_.reset();
    if (ended_) {
      for (Watched& host : hosts_) CloseLog(host);
    } else if (result_.stopped == StopReason::kNone) {
      Stop(on_deadline_);
    } else {
      Kill();
    }
  }

  void Kill() {
    std::vector<std::string> names;
    for (const Watched& host : hosts_) {
      if (host.ended) continue;
      names.push_back(host.attendee->name);
      host.container().Kill();
    }
    console_.MakeRoom();
    const auto grace = std::chrono::duration_cast<std::chrono::seconds>(options_.stop_grace);
    if (Several()) {
      log::Warning("local", "{} did not end within {} s of SIGTERM: killing what is left there",
                   NamesText(names), grace.count());
    } else {
      log::Warning("local", "the {} did not end within {} s of SIGTERM: killing it", options_.what,
                   grace.count());
    }
  }

  void OnOutput(Watched& host) {
    const ssize_t n = ::read(host.container().output(), buffer_.data(), buffer_.size());
    if (n < 0 && errno == EINTR) return;
    if (n <= 0) {
      CloseLog(host);
      return;
    }
    const std::string_view bytes(buffer_.data(), static_cast<size_t>(n));
    if (host.attendee->log_file >= 0 && host.logged) {
      const auto logged = WriteAll(host.attendee->log_file, bytes.data(), bytes.size());
      host.logged = static_cast<bool>(logged);
      if (!logged) {
        console_.MakeRoom();
        log::Warning("local", "the log file is incomplete: {}", logged.error().message());
      }
    }
    if (Several()) {
      Show(host, [&](const LogLines::Each& each) { host.lines.Feed(bytes, each); });
      return;
    }
    if (options_.metrics != nullptr) {
      options_.metrics->Feed(bytes, std::chrono::system_clock::now());
    }
    console_.Log(bytes);
  }

  /// Passes on the whole lines that `give` gives.
  void Show(const Watched& host, const std::function<void(const LogLines::Each&)>& give) {
    const auto now = std::chrono::system_clock::now();
    std::string shown;
    give([&](std::string_view line) {
      shown += fmt::format("[{}] {}\n", host.attendee->name, line);
      if (options_.metrics == nullptr) return;
      options_.metrics->Feed(line, now);
      options_.metrics->Feed("\n", now);
    });
    console_.Log(shown);
  }

  void CloseLog(Watched& host) {
    if (!std::exchange(host.open, false) || !Several()) return;
    Show(host, [&](const LogLines::Each& each) { host.lines.Finish(each); });
  }

  void OnNotice() {
    noticed_ = true;
    console_.MakeRoom();
    options_.on_notice();
  }

  void OnEvent(size_t which) {
    Watched& host = hosts_[which];
    auto end = host.container().ReadEnd();
    if (!end) return;
    host.ended = true;
    const bool failed = !end->good();
    ContainerEnd& kept = result_.ends[which];
    kept = *std::move(end);
    ended_ = std::ranges::all_of(hosts_, &Watched::ended);
    if (failed && result_.stopped == StopReason::kNone && !result_.culprit) {
      result_.culprit = which;
      if (!ended_) StopOthers(host, kept);
    }
    if (ended_) deadline_ = Clock::now() + kDrain;
  }

  void StopOthers(const Watched& host, const ContainerEnd& end) {
    console_.MakeRoom();
    log::Error("local", "{} failed ({}): stopping the other hosts", host.attendee->name,
               end.start_error.empty() ? fmt::format("exit code {}", end.code()) : end.start_error);
    const Clock::time_point stop = Clock::now() + kHostsHear;
    if (deadline_ && *deadline_ <= stop) return;
    deadline_ = stop;
    on_deadline_ = StopReason::kHost;
  }

  void DrawStatus() {
    const Clock::time_point now = Clock::now();
    if (!shows_status_ || ended_ || now - last_draw_ < kRedraw) return;
    last_draw_ = now;
    console_.ShowStatus(StatusLine(
        options_.job_name, result_.stopped == StopReason::kNone ? "Training" : "Stopping",
        std::chrono::duration_cast<std::chrono::seconds>(now - start_),
        options_.metrics != nullptr ? options_.metrics->series() : std::vector<Series>()));
  }

  bool Several() const { return hosts_.size() > 1; }

  std::vector<Watched> hosts_{};
  Console& console_;
  StopSignals& signals_;
  const AttendOptions& options_;

  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_draw_ = start_ - kRedraw;
  /// The next thing that time brings: the stop, the kill, or the end of the drain.
  std::optional<Clock::time_point> deadline_;
  /// What the first deadline means.
  StopReason on_deadline_ = StopReason::kMaxRuntime;
  const bool shows_status_ = console_.terminal().live && !options_.job_name.empty();
  bool noticed_ = false;
  bool ended_ = false;  // all of them
  size_t first_ = 0;
  std::array<char, kReadBytes> buffer_;
  Attended result_;
};

}  // namespace

Attended Attend(std::span<const Attendee> attendees, Console& console, StopSignals& signals,
                const AttendOptions& options) {
  return Attendance(attendees, console, signals, options).Run();
}

std::string ElapsedText(std::chrono::seconds elapsed) {
  const long long seconds = elapsed.count();
  if (seconds < 3600) return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

std::string StatusLine(const std::string& job_name, std::string_view status,
                       std::chrono::seconds elapsed, const std::vector<Series>& series) {
  std::string line = fmt::format("{}  {} {}", job_name, status, ElapsedText(elapsed));
  for (const Series& metric : series) {
    if (metric.count() == 0) continue;
    line += fmt::format("  {} {}", ToValidUtf8(metric.name()), ShortNumber(metric.last()));
  }
  return line;
}

}  // namespace berth::platform
