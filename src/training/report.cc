#include "training/report.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/files.h"
#include "core/log.h"

namespace berth::training {
namespace {

void Write(const contract::Layout& layout, const std::string& path, const std::string& text) {
  auto written = MakeDirectories(layout.output);
  if (written) written = WriteFile(path, text);
  if (!written) log::Error("training", "cannot report: {}", written.error().message());
}

}  // namespace

bool ScriptReportedFailure(const contract::Layout& layout) {
  struct stat about;
  return ::stat(layout.failure.c_str(), &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0;
}

void ClearReports(const contract::Layout& layout) {
  ::unlink(layout.failure.c_str());
  ::unlink(layout.success.c_str());
}

void ReportSuccess(const contract::Layout& layout) {
  Write(layout, layout.success, "");
}

void ReportFailure(const contract::Layout& layout, const std::string& text) {
  if (!ScriptReportedFailure(layout)) Write(layout, layout.failure, text);
}

}  // namespace berth::training
