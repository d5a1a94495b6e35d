#include "platform/summary.h"

#include <fmt/format.h>

#include <array>
#include <string>

#include "platform/attend.h"
#include "platform/curve.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

std::string_view Color(Status status) {
  switch (status) {
    case Status::kCompleted:
      return "\x1b[32m";
    case Status::kFailed:
      return "\x1b[31m";
    default:
      return "\x1b[33m";
  }
}

}  // namespace

std::string SizeText(uintmax_t bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "kB", "MB", "GB", "TB"};
  auto size = static_cast<double>(bytes);
  size_t unit = 0;
  while (size >= 999.5 && unit + 1 < kUnits.size()) {
    size /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.3g} {}", size, kUnits[unit]);
}

std::string Summary(const JobRecord& record, const fs::path& root, const std::vector<Host>& hosts,
                    const std::vector<Series>& series, const Terminal& terminal, Time now) {
  const std::string_view on = terminal.color ? Color(record.status()) : "";
  const std::string_view off = terminal.color ? "\x1b[0m" : "";
  const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(record.TrainingTime(now));
  std::string text = fmt::format("\n{}{}{} after {} of training\n", on,
                                 SecondaryName(record.status()), off, ElapsedText(elapsed));
  if (!record.failure().empty()) text += record.failure() + "\n";
  for (const Series& metric : series) text += "\n" + DrawSeries(metric, terminal);

  text += fmt::format("\n{}/\n", root.string());
  std::vector<std::string> names{"model.tar.gz", "output.tar.gz"};
  for (const Host& host : hosts) names.push_back("logs/" + host.name + ".log");
  names.insert(names.end(), {"metrics.json", "job.json"});
  for (const std::string& name : names) {
    std::error_code missing;
    const uintmax_t size = fs::file_size(root / name, missing);
    if (!missing) text += fmt::format("  {:<16} {:>8}\n", name, SizeText(size));
  }
  return text;
}

}  // namespace berth::platform
