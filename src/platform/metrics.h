// Metrics in a job's log: each line is searched with the job's metric definitions.
//
// The semantics are those of the platform: the first capture group of every match is a number.
// RE2 reads the expressions: linear in the length of a line, whatever the expression.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"
#include "platform/request.h"

namespace re2 {
class RE2;
}

namespace berth::platform {

/// Why this cannot be a metric's expression; empty where it can.
std::string RegexFault(const std::string& regex);

using Time = std::chrono::system_clock::time_point;

/// The values of one metric. What is kept does not grow with the job: beyond kMaxPoints values
/// neighbours are averaged.
class Series {
 public:
  static constexpr size_t kMaxPoints = 4096;

  explicit Series(std::string name) : name_(std::move(name)) {}

  void Add(double value, Time time);

  const std::string& name() const { return name_; }
  size_t count() const { return count_; }
  double first() const { return first_; }
  double last() const { return last_; }
  double min() const { return min_; }
  double max() const { return max_; }
  Time last_time() const { return last_time_; }
  /// In the order of time, evenly spaced; means of `count/size` values each.
  std::vector<double> Points() const;

 private:
  std::string name_;
  size_t count_ = 0;
  double first_ = 0, last_ = 0, min_ = 0, max_ = 0;
  Time last_time_;
  std::vector<double> points_;
  size_t values_per_point_ = 1;
  double pending_sum_ = 0;
  size_t pending_count_ = 0;
};

/// Splits the job's output in lines, finds metrics, and writes every match to a file as it comes.
class MetricsRecorder {
 public:
  /// Only so much of a line is searched.
  static constexpr size_t kMaxLine = size_t{64} << 10;

  /// Writes to `path`, which only Finish() completes.
  [[nodiscard]] static Result<MetricsRecorder> Open(std::span<const MetricDefinition> definitions,
                                                    std::string path);
  MetricsRecorder(MetricsRecorder&&) noexcept;
  MetricsRecorder& operator=(MetricsRecorder&&) noexcept;
  ~MetricsRecorder();

  /// Bytes of the log as they come. A line ends with \n or \r (progress bars).
  void Feed(std::string_view bytes, Time now);

  /// The last line, where it has no end; and the end of the file. Reports the first failure to
  /// write since Open().
  [[nodiscard]] Result<void> Finish(Time now);

  /// One for each definition's name, in their order.
  const std::vector<Series>& series() const { return series_; }

 private:
  struct Pattern {
    std::unique_ptr<re2::RE2> regex;
    size_t series;
  };

  MetricsRecorder() = default;
  void Line(std::string_view line, Time now);
  void Record(Series& series, double value, Time now);
  void Write(std::string_view text);

  std::vector<Pattern> patterns_;
  std::vector<Series> series_;
  std::string line_;  // the beginning of a line whose end has not come yet
  Descriptor file_;
  std::string path_;
  bool any_ = false;
  Result<void> written_;
};

}  // namespace berth::platform
