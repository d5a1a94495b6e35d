#include "platform/progress.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "core/log.h"
#include "platform/attend.h"
#include "platform/summary.h"

namespace berth::platform {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kRedraw{200};
constexpr milliseconds kLogLine{30'000};
/// What a request takes beside its bytes, in bytes: else thousands of small files would be no time.
constexpr uint64_t kFileCost = uint64_t{256} << 10;
/// Cancelled transfers end within a second.
constexpr milliseconds kCancelGrace{5'000};

}  // namespace

std::string ProgressText(const storage::Progress& progress) {
  return fmt::format("{} {} {} {}", progress.bytes, progress.total_bytes, progress.files,
                     progress.total_files);
}

storage::Progress ReadProgress(std::string_view text) {
  storage::Progress progress;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (uint64_t* number :
       {&progress.bytes, &progress.total_bytes, &progress.files, &progress.total_files}) {
    const auto [rest, bad] = std::from_chars(at, end, *number);
    if (bad != std::errc()) return {};
    at = rest == end ? rest : rest + 1;
  }
  return progress;
}

std::string ProgressLine(std::string_view what, const storage::Progress& progress,
                         milliseconds elapsed) {
  std::string line =
      fmt::format("{} {} of {}, {} of {} files", what, SizeText(progress.bytes),
                  SizeText(progress.total_bytes), progress.files, progress.total_files);
  const double seconds = std::chrono::duration<double>(elapsed).count();
  if (seconds <= 0 || progress.bytes == 0) return line;
  const auto rate_of = [seconds](uint64_t done) { return static_cast<double>(done) / seconds; };
  line += fmt::format(", {}/s", SizeText(static_cast<uintmax_t>(rate_of(progress.bytes))));
  const uint64_t done = progress.bytes + progress.files * kFileCost;
  const uint64_t total = progress.total_bytes + progress.total_files * kFileCost;
  if (done < total) {
    const double left = static_cast<double>(total - done) / rate_of(done);
    // Beyond some days the number says nothing.
    if (left < 1e6) {
      line += fmt::format(", {} left", ElapsedText(std::chrono::seconds(static_cast<long>(left))));
    }
  }
  return line;
}

Followed Follow(Errand& errand, StopSignals& signals, Console& console, std::string_view what) {
  const Clock::time_point start = Clock::now();
  Clock::time_point next_line = start + (console.terminal().live ? kRedraw : kLogLine);
  std::optional<Clock::time_point> deadline;
  storage::Progress progress;
  Followed followed;
  for (;;) {
    const Clock::time_point until = deadline ? std::min(*deadline, next_line) : next_line;
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now()).count();
    std::array<pollfd, 2> waits{{{signals.fd(), POLLIN, 0}, {errand.events(), POLLIN, 0}}};
    ::poll(waits.data(), waits.size(), static_cast<int>(std::clamp<long long>(left, 0, 60'000)));
    if (waits[0].revents != 0) {
      if (const std::optional<int> signal = signals.Read()) {
        const bool again = followed.signal != 0;
        if (!again) followed.signal = *signal;
        errand.Cancel();
        deadline = Clock::now() + (again ? milliseconds(0) : kCancelGrace);
      }
    }
    if (waits[1].revents != 0) {
      Errand::News news = errand.Read();
      if (news.kind == Errand::News::Kind::kProgress) {
        progress = ReadProgress(news.text);
      } else {
        console.ClearStatus();
        if (news.kind == Errand::News::Kind::kFailed) {
          followed.end = Fail(std::move(news.text));
        } else {
          followed.end = std::move(news.text);
        }
        return followed;
      }
    }
    const Clock::time_point now = Clock::now();
    if (deadline && now >= *deadline) {
      console.ClearStatus();
      followed.end = Fail("it did not end when it was asked to");
      return followed;
    }
    if (now < next_line) continue;
    const std::string line =
        ProgressLine(what, progress, std::chrono::duration_cast<milliseconds>(now - start));
    if (console.terminal().live) {
      if (progress.total_files > 0) console.ShowStatus(line);
      next_line = now + kRedraw;
    } else {
      log::Info("local", "{}", line);
      next_line = now + kLogLine;
    }
  }
}

}  // namespace berth::platform
