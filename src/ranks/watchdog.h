// Tells from what ranks print that a job stands still, or has gone astray. Opt-in.
//
// Pure: the clock is passed in.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/json.h"
#include "process/supervisor.h"

namespace berth::ranks {

struct WatchdogSettings {
  /// No rank has printed anything for so long: BERTH_WATCHDOG_SILENCE_SECONDS.
  std::optional<std::chrono::milliseconds> silence;
  /// RE2; its first group catches a number (BERTH_WATCHDOG_REGEX), which must not be NaN, nor below
  /// `min` (BERTH_WATCHDOG_MIN), nor above `max` (BERTH_WATCHDOG_MAX).
  std::string regex;
  std::optional<double> min;
  std::optional<double> max;
  /// No rank has printed such a number for so long: BERTH_WATCHDOG_VALUE_SECONDS.
  std::optional<std::chrono::milliseconds> value_silence;

  /// There is something to watch.
  bool any() const { return silence || !regex.empty(); }
};

/// From the variables above, or the hyperparameters sagemaker_watchdog_silence_seconds, …_regex,
/// …_min, …_max and …_value_seconds (decoded: TrainingEnvironment::framework_parameters). Where
/// both are set the variable counts, as for SAGEMAKER_PROGRAM. An empty value is none. An error
/// names the setting; an unknown sagemaker_watchdog_* or BERTH_WATCHDOG_* is one.
[[nodiscard]] Result<WatchdogSettings> ReadWatchdogSettings(const process::Variables& variables,
                                                            const json::Object& parameters);

/// How often a failed or stalled job is started again: BERTH_MAX_RESTARTS, else
/// sagemaker_max_restarts, else 0.
[[nodiscard]] Result<int> ReadMaxRestarts(const process::Variables& variables,
                                          const json::Object& parameters);

struct Stall {
  /// The rank that the text names.
  int rank = 0;
  /// One sentence, as "rank 3 on algo-2 printed 12 for \"loss=(.*)\", which is above 10 (its line:
  /// \"loss=12\")".
  std::string text;
  /// It counts by itself: a value out of bounds. Otherwise the ranks of this Watchdog are silent,
  /// and others may not be.
  bool alone = false;
};

/// Watches the ranks it is told of: all those of the job, where it can be told of all, because a
/// job in which only rank 0 prints is healthy on every host. So silence is that of all ranks
/// together; the text names the one that fell silent first of those that had been printing to the
/// end.
///
/// Lines end with a newline or a carriage return: a progress bar has values too. Of a line the
/// first 4 KiB are looked at.
class Watchdog {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// `settings` as read: the regex is sound.
  explicit Watchdog(WatchdogSettings settings);
  Watchdog(Watchdog&&) noexcept;
  Watchdog& operator=(Watchdog&&) noexcept;
  ~Watchdog();

  /// From now on the rank is watched; the start counts as a sign of life.
  void Started(int rank, std::string host, Time now);
  void Ended(int rank);

  /// What a rank printed; bytes cut anywhere. Of a rank that has not started: nothing.
  void Feed(int rank, std::string_view bytes, Time now);

  /// Nobody could be heard until now (RankHost::blocked()): all clocks begin again.
  void Rest(Time now);

  /// When to Check() next; nothing where there is nothing to wait for.
  std::optional<Time> Next() const;

  /// What is wrong at `now`. Also after each Feed(): a value out of bounds does not wait.
  std::optional<Stall> Check(Time now) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace berth::ranks
