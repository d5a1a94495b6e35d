#include "training/distributed/launcher_output.h"

#include <algorithm>

#include "core/files.h"
#include "core/log.h"

namespace berth::training {
namespace {

/// A longer line is passed on in pieces.
constexpr size_t kLongestLine = size_t{64} << 10;

}  // namespace

void LauncherOutput::Feed(process::Stream stream, std::string_view bytes) {
  Line& line = lines_[stream == process::Stream::kOutput ? 0 : 1];
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    line.text += bytes.substr(0, end);
    if (end != std::string_view::npos || line.text.size() >= kLongestLine) Write(line);
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  }
}

void LauncherOutput::Finish() {
  for (Line& line : lines_) {
    if (!line.text.empty()) Write(line);
  }
}

void LauncherOutput::Write(Line& line) {
  std::erase_if(line.text, [](char c) { return c == '\0' || c == '\r'; });
  if (muted_) {
    log::Debug("launch", "{}", line.text);
  } else {
    line.text += '\n';
    // A log that nobody takes is told of where ranks write to it.
    [[maybe_unused]] const auto ignored = WriteAll(line.fd, line.text.data(), line.text.size());
  }
  line.text.clear();
}

}  // namespace berth::training
