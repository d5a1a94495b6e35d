#include "platform/metrics.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "core/json.h"
#include "core/text.h"

namespace berth::platform {
namespace {

/// Compiled expressions are bounded: "(x{1000}){1000}" is a fault of the request, not of ours.
constexpr int64_t kRegexMemory = int64_t{8} << 20;

std::unique_ptr<RE2> Compile(const std::string& regex) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kRegexMemory);
  // A log may hold anything; bytes that are not UTF-8 must not hide the rest of a line.
  const bool ascii = std::all_of(regex.begin(), regex.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) options.set_encoding(RE2::Options::EncodingLatin1);
  return std::make_unique<RE2>(regex, options);
}

std::optional<double> ParseNumber(std::string_view text) {
  text = Trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

double Seconds(Time time) {
  return static_cast<double>(
             std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch())
                 .count()) /
         1000;
}

}  // namespace

std::string RegexFault(const std::string& regex) {
  const std::unique_ptr<RE2> compiled = Compile(regex);
  if (!compiled->ok()) {
    const std::string hint = regex.find("(?=") != std::string::npos ||
                                     regex.find("(?!") != std::string::npos ||
                                     regex.find("(?<") != std::string::npos
                                 ? " (RE2 has no look-around)"
                                 : "";
    return fmt::format("not a regular expression: {}{}", compiled->error(), hint);
  }
  if (compiled->NumberOfCapturingGroups() == 0) {
    return "needs a group, as in \"loss=([0-9.]+)\", that catches the number";
  }
  return "";
}

void Series::Add(double value, Time time) {
  if (count_ == 0) first_ = min_ = max_ = value;
  ++count_;
  last_ = value;
  last_time_ = time;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);

  pending_sum_ += value;
  if (++pending_count_ < values_per_point_) return;
  points_.push_back(pending_sum_ / static_cast<double>(pending_count_));
  pending_sum_ = 0;
  pending_count_ = 0;
  if (points_.size() < kMaxPoints) return;
  for (size_t i = 0; i < kMaxPoints / 2; ++i) {
    points_[i] = (points_[2 * i] + points_[2 * i + 1]) / 2;
  }
  points_.resize(kMaxPoints / 2);
  values_per_point_ *= 2;
}

std::vector<double> Series::Points() const {
  std::vector<double> points = points_;
  if (pending_count_ > 0) points.push_back(pending_sum_ / static_cast<double>(pending_count_));
  return points;
}

Result<MetricsRecorder> MetricsRecorder::Open(std::span<const MetricDefinition> definitions,
                                              std::string path) {
  MetricsRecorder recorder;
  for (const MetricDefinition& definition : definitions) {
    auto same = std::find_if(recorder.series_.begin(), recorder.series_.end(),
                             [&](const Series& s) { return s.name() == definition.name; });
    const auto index = static_cast<size_t>(same - recorder.series_.begin());
    if (same == recorder.series_.end()) recorder.series_.emplace_back(definition.name);
    std::unique_ptr<RE2> regex = Compile(definition.regex);
    recorder.patterns_.push_back({std::move(regex), index});
  }
  recorder.file_ = Descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!recorder.file_) return FailErrno(fmt::format("cannot write \"{}\"", path));
  recorder.path_ = std::move(path);
  return recorder;
}

MetricsRecorder::MetricsRecorder(MetricsRecorder&&) noexcept = default;
MetricsRecorder& MetricsRecorder::operator=(MetricsRecorder&&) noexcept = default;
MetricsRecorder::~MetricsRecorder() = default;

void MetricsRecorder::Feed(std::string_view bytes, Time now) {
  if (patterns_.empty()) return;
  while (!bytes.empty()) {
    const size_t end = bytes.find_first_of("\r\n");
    const std::string_view part = bytes.substr(0, end);
    if (end != std::string_view::npos && line_.empty()) {
      Line(part.substr(0, kMaxLine), now);
    } else {
      line_ += part.substr(0, kMaxLine - line_.size());
      if (end == std::string_view::npos) return;
      Line(line_, now);
      line_.clear();
    }
    bytes.remove_prefix(end + 1);
  }
}

void MetricsRecorder::Line(std::string_view line, Time now) {
  for (const Pattern& pattern : patterns_) {
    re2::StringPiece rest(line.data(), line.size());
    re2::StringPiece groups[2];
    size_t from = 0;
    while (from <= line.size() &&
           pattern.regex->Match(rest, from, line.size(), RE2::UNANCHORED, groups, 2)) {
      if (groups[1].data() != nullptr) {
        if (const auto value = ParseNumber({groups[1].data(), groups[1].size()})) {
          Record(series_[pattern.series], *value, now);
        }
      }
      const auto end = static_cast<size_t>(groups[0].data() + groups[0].size() - line.data());
      from = groups[0].empty() ? end + 1 : end;
    }
  }
}

void MetricsRecorder::Record(Series& series, double value, Time now) {
  series.Add(value, now);
  json::Object match{{"MetricName", series.name()}, {"Value", value}, {"Timestamp", Seconds(now)}};
  Write((any_ ? ",\n  " : "[\n  ") + json::DumpPython(json::Value(std::move(match))));
  any_ = true;
}

void MetricsRecorder::Write(std::string_view text) {
  if (!written_) return;
  if (auto written = WriteAll(file_.get(), text.data(), text.size()); !written) {
    written_ = Fail(written.error().Within(fmt::format("\"{}\"", path_)));
  }
}

Result<void> MetricsRecorder::Finish(Time now) {
  if (!line_.empty()) Line(line_, now);
  line_.clear();
  Write(any_ ? "\n]\n" : "[]\n");
  file_.Close();
  return written_;
}

}  // namespace berth::platform
