#include "platform/attend.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/log.h"
#include "core/text.h"
#include "platform/curve.h"

namespace berth::platform {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// The status line is drawn anew at most so often.
constexpr milliseconds kRedraw{200};
/// After the container is gone somebody outside may still hold its pipe: we read no longer.
constexpr milliseconds kDrain{5'000};
constexpr size_t kReadBytes = size_t{64} << 10;

class Attendance {
 public:
  Attendance(Container& container, Console& console, MetricsRecorder& metrics, int log_file,
             StopSignals& signals, const AttendOptions& options)
      : container_(container),
        console_(console),
        metrics_(metrics),
        log_file_(log_file),
        signals_(signals),
        options_(options) {
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
    while (!ended_ || output_open_ || console_.pending()) {
      Wait();
      CheckTime();
      DrawStatus();
    }
    console_.ClearStatus();
    return std::move(result_);
  }

 private:
  void Wait() {
    enum { kSignals, kEvents, kOutput, kConsole, kErrands };
    std::vector<pollfd> waits{{
        {signals_.fd(), POLLIN, 0},
        {ended_ ? -1 : container_.events(), POLLIN, 0},
        // What cannot be shown yet is not read: the job waits, our memory does not grow.
        {output_open_ && !console_.pending() ? container_.output() : -1, POLLIN, 0},
        {console_.pending() ? console_.fd() : -1, POLLOUT, 0},
    }};
    for (const Errand* errand : options_.errands) {
      waits.push_back(
          {ended_ || !result_.errand_failure.empty() ? -1 : errand->events(), POLLIN, 0});
    }
    if (::poll(waits.data(), waits.size(), Timeout()) < 0) return;
    if (waits[kSignals].revents != 0) OnSignal();
    if (waits[kConsole].revents != 0) console_.Flush();
    if (waits[kOutput].revents != 0) OnOutput();
    if (waits[kEvents].revents != 0) OnEvent();
    for (size_t i = 0; i < options_.errands.size(); ++i) {
      if (waits[kErrands + i].revents != 0) OnErrand(*options_.errands[i]);
    }
  }

  int Timeout() const {
    std::optional<Clock::time_point> next = deadline_;
    if (console_.terminal().live) {
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
      } else {
        console_.MakeRoom();
        log::Info("local", "asked again to stop: killing what is left of the job");
        container_.Kill();
        console_.Drop();
      }
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
    options_.on_stop(reason, result_.stop_signal);
    container_.Stop();
    deadline_ = Clock::now() + options_.stop_grace;
  }

  void CheckTime() {
    // A paused terminal is no reason to lose the end of the log.
    if (ended_ && console_.pending()) deadline_ = Clock::now() + kDrain;
    if (!deadline_ || Clock::now() < *deadline_) return;
    deadline_.reset();
    if (ended_) {
      output_open_ = false;
    } else if (result_.stopped == StopReason::kNone) {
      Stop(on_deadline_);
    } else {
      console_.MakeRoom();
      log::Warning("local", "the job did not end within {} s of SIGTERM: killing it",
                   std::chrono::duration_cast<std::chrono::seconds>(options_.stop_grace).count());
      container_.Kill();
    }
  }

  void OnOutput() {
    const ssize_t n = ::read(container_.output(), buffer_.data(), buffer_.size());
    if (n < 0 && errno == EINTR) return;
    if (n <= 0) {
      output_open_ = false;
      return;
    }
    const std::string_view bytes(buffer_.data(), static_cast<size_t>(n));
    if (result_.log) {
      result_.log = WriteAll(log_file_, bytes.data(), bytes.size());
      if (!result_.log) {
        console_.MakeRoom();
        log::Warning("local", "the log file is incomplete: {}", result_.log.error().message());
      }
    }
    metrics_.Feed(bytes, std::chrono::system_clock::now());
    console_.Log(bytes);
  }

  void OnEvent() {
    if (auto end = container_.ReadEnd()) {
      result_.end = std::move(*end);
      ended_ = true;
      deadline_ = Clock::now() + kDrain;
    }
  }

  void DrawStatus() {
    const Clock::time_point now = Clock::now();
    if (!console_.terminal().live || ended_ || now - last_draw_ < kRedraw) return;
    last_draw_ = now;
    console_.ShowStatus(StatusLine(
        options_.job_name, result_.stopped == StopReason::kNone ? "Training" : "Stopping",
        std::chrono::duration_cast<std::chrono::seconds>(now - start_), metrics_.series()));
  }

  Container& container_;
  Console& console_;
  MetricsRecorder& metrics_;
  int log_file_;
  StopSignals& signals_;
  const AttendOptions& options_;

  const Clock::time_point start_ = Clock::now();
  Clock::time_point last_draw_ = start_ - kRedraw;
  /// The next thing that time brings: the stop, the kill, or the end of the drain.
  std::optional<Clock::time_point> deadline_;
  /// What the first deadline means.
  StopReason on_deadline_ = StopReason::kMaxRuntime;
  bool ended_ = false;
  bool output_open_ = true;
  std::array<char, kReadBytes> buffer_;
  Attended result_;
};

}  // namespace

Attended Attend(Container& container, Console& console, MetricsRecorder& metrics, int log_file,
                StopSignals& signals, const AttendOptions& options) {
  return Attendance(container, console, metrics, log_file, signals, options).Run();
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
