#include "ranks/watchdog.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/text.h"
#include "process/tail.h"
#include "ranks/regex.h"

namespace berth::ranks {
namespace {

using Time = Watchdog::Time;
using std::chrono::milliseconds;

/// Of a line so much is looked at.
constexpr size_t kLine = 4096;
/// Of a rank's last output so much is kept, and of its last line so much is told.
constexpr size_t kRecent = 1024;
constexpr size_t kTold = 200;

std::string Duration(Time::duration time) {
  const double seconds = std::chrono::duration<double>(time).count();
  return seconds < 10 ? fmt::format("{:.1f} s", seconds) : fmt::format("{:.0f} s", seconds);
}

struct Rank {
  std::string host;
  Time heard;
  bool spoke = false;  // since it started
  process::Tail recent{kRecent};
  std::string line;  // the part of it that has come

  /// " (its last line: "…")", or nothing.
  std::string LastLine() const {
    const std::string text = recent.Text();
    const std::string_view lines = Trim(text);
    const std::string_view last = lines.substr(lines.find_last_of("\r\n") + 1);
    if (last.empty()) return "";
    return fmt::format(" (its last line: {})", Quoted(ToValidUtf8(last, kTold)));
  }
};

}  // namespace

class Watchdog::Impl {
 public:
  explicit Impl(WatchdogSettings settings) : settings_(std::move(settings)) {
    if (!settings_.regex.empty()) regex_ = CompileRegex(settings_.regex);
  }

  void Started(int rank, std::string host, Time now) {
    Rank fresh;
    fresh.host = std::move(host);
    fresh.heard = now;
    ranks_.insert_or_assign(rank, std::move(fresh));
    heard_ = valued_ = now;
  }
  void Ended(int rank) { ranks_.erase(rank); }
  void Feed(int rank, std::string_view bytes, Time now);
  void Rest(Time now);
  std::optional<Time> Next() const;
  std::optional<Stall> Check(Time now) const;

 private:
  struct Value {
    int rank = 0;
    std::string host;
    double value = 0;
  };

  void Line(int number, const Rank& rank, std::string_view line, Time now);
  void Judge(int number, const Rank& rank, double value, std::string_view line);
  Stall Silence(Time now) const;
  Stall NoValue(Time now) const;

  WatchdogSettings settings_;
  std::unique_ptr<RE2> regex_;
  std::map<int, Rank> ranks_;
  Time heard_{};   // the last that anybody said
  Time valued_{};  // the last value of anybody
  std::optional<Value> last_value_;
  std::optional<Stall> fault_;  // a value out of bounds
};

void Watchdog::Impl::Feed(int number, std::string_view bytes, Time now) {
  const auto found = ranks_.find(number);
  if (found == ranks_.end() || bytes.empty()) return;
  Rank& rank = found->second;
  rank.heard = heard_ = now;
  rank.spoke = true;
  rank.recent.Append(bytes);
  if (!regex_) return;
  while (!bytes.empty()) {
    // One line, and in it what a progress bar wrote over.
    const size_t newline = bytes.find('\n');
    std::string_view part = bytes.substr(0, newline);
    part = part.substr(0, part.find('\r'));
    const bool whole = part.size() < bytes.size();
    if (whole && rank.line.empty()) {
      Line(number, rank, part.substr(0, kLine), now);
    } else {
      rank.line += part.substr(0, kLine - rank.line.size());
      if (!whole) return;
      Line(number, rank, std::exchange(rank.line, {}), now);
    }
    bytes.remove_prefix(part.size() + 1);
  }
}

void Watchdog::Impl::Line(int number, const Rank& rank, std::string_view line, Time now) {
  re2::StringPiece rest(line.data(), line.size());
  re2::StringPiece group;
  while (!rest.empty() && RE2::FindAndConsume(&rest, *regex_, &group)) {
    const auto value = ParseNumber({group.data(), group.size()});
    if (value) {
      valued_ = now;
      last_value_ = Value{number, rank.host, *value};
      Judge(number, rank, *value, line);
    }
    if (group.empty()) break;  // nothing was consumed, perhaps
  }
}

void Watchdog::Impl::Judge(int number, const Rank& rank, double value, std::string_view line) {
  if (fault_) return;
  std::string why;
  if (std::isnan(value)) {
    why = "which is not a number";
  } else if (settings_.min && value < *settings_.min) {
    why = fmt::format("which is below {}", *settings_.min);
  } else if (settings_.max && value > *settings_.max) {
    why = fmt::format("which is above {}", *settings_.max);
  } else {
    return;
  }
  fault_ =
      Stall{number,
            fmt::format("rank {} on {} printed {} for {}, {} (its line: {})", number, rank.host,
                        value, Quoted(settings_.regex), why, Quoted(ToValidUtf8(line, kTold))),
            /*alone=*/true};
}

void Watchdog::Impl::Rest(Time now) {
  for (auto& [number, rank] : ranks_) rank.heard = now;
  heard_ = valued_ = now;
}

std::optional<Time> Watchdog::Impl::Next() const {
  if (ranks_.empty()) return std::nullopt;
  std::optional<Time> next;
  if (settings_.silence) next = heard_ + *settings_.silence;
  if (settings_.value_silence) {
    const Time value = valued_ + *settings_.value_silence;
    next = next ? std::min(*next, value) : value;
  }
  return next;
}

std::optional<Stall> Watchdog::Impl::Check(Time now) const {
  if (fault_) return fault_;
  if (ranks_.empty()) return std::nullopt;
  if (settings_.silence && now >= heard_ + *settings_.silence) return Silence(now);
  if (settings_.value_silence && now >= valued_ + *settings_.value_silence) return NoValue(now);
  return std::nullopt;
}

Stall Watchdog::Impl::Silence(Time now) const {
  if (ranks_.size() == 1) {
    const auto& [number, rank] = *ranks_.begin();
    return {number, fmt::format("rank {} on {} has printed nothing {} {}{}", number, rank.host,
                                rank.spoke ? "for" : "since it started, for",
                                Duration(now - rank.heard), rank.LastLine())};
  }
  // Those that spoke until shortly before the end; others say nothing by habit.
  const std::pair<const int, Rank>* first = nullptr;
  size_t speakers = 0;
  for (const auto& each : ranks_) {
    const Rank& rank = each.second;
    if (!rank.spoke || rank.heard + *settings_.silence < heard_) continue;
    ++speakers;
    if (first == nullptr || rank.heard < first->second.heard) first = &each;
  }
  const std::string duration = Duration(now - heard_);
  if (first == nullptr) {
    return {ranks_.begin()->first, fmt::format("none of the {} ranks has printed anything for {}",
                                               ranks_.size(), duration)};
  }
  const auto& [number, rank] = *first;
  return {
      number,
      speakers == 1
          ? fmt::format("no rank has printed anything for {}; the last was rank {} on {}{}",
                        duration, number, rank.host, rank.LastLine())
          : fmt::format("no rank has printed anything for {}; rank {} on {} fell silent first, "
                        "{} ago{}",
                        duration, number, rank.host, Duration(now - rank.heard), rank.LastLine())};
}

Stall Watchdog::Impl::NoValue(Time now) const {
  const std::string what = fmt::format("no rank has printed a value for {} for {}",
                                       Quoted(settings_.regex), Duration(now - valued_));
  if (!last_value_) return {ranks_.begin()->first, what + "; there was none at all"};
  return {last_value_->rank, fmt::format("{}; the last was {}, by rank {} on {}", what,
                                         last_value_->value, last_value_->rank, last_value_->host)};
}

Watchdog::Watchdog(WatchdogSettings settings)
    : impl_(std::make_unique<Impl>(std::move(settings))) {}
Watchdog::Watchdog(Watchdog&&) noexcept = default;
Watchdog& Watchdog::operator=(Watchdog&&) noexcept = default;
Watchdog::~Watchdog() = default;

void Watchdog::Started(int rank, std::string host, Time now) {
  impl_->Started(rank, std::move(host), now);
}
void Watchdog::Ended(int rank) {
  impl_->Ended(rank);
}
void Watchdog::Feed(int rank, std::string_view bytes, Time now) {
  impl_->Feed(rank, bytes, now);
}
void Watchdog::Rest(Time now) {
  impl_->Rest(now);
}
std::optional<Watchdog::Time> Watchdog::Next() const {
  return impl_->Next();
}
std::optional<Stall> Watchdog::Check(Time now) const {
  return impl_->Check(now);
}

}  // namespace berth::ranks
