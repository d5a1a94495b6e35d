#include "training/failure.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "core/text.h"

namespace berth::training {
namespace {

constexpr std::string_view kTraceback = "Traceback (most recent call last):";
/// Lines of output that are kept where there is no traceback.
constexpr size_t kLastLines = 20;
constexpr size_t kMessageLimit = size_t{8} * 1024;

/// Without terminal colours (CSI sequences) and with what a progress bar drew over taken out.
std::vector<std::string> Lines(std::string_view text) {
  std::vector<std::string> lines;
  for (const std::string& raw : Split(text, '\n')) {
    std::string line;
    for (size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] == '\x1b' && i + 1 < raw.size() && raw[i + 1] == '[') {
        for (i += 2; i < raw.size() && (raw[i] < '@' || raw[i] > '~');) ++i;
      } else if (raw[i] == '\r') {
        if (i + 1 < raw.size()) line.clear();
      } else {
        line += raw[i];
      }
    }
    lines.push_back(std::move(line));
  }
  while (!lines.empty() && Trim(lines.back()).empty()) lines.pop_back();
  return lines;
}

bool Indented(const std::string& line) {
  return line.starts_with(' ') || line.starts_with('\t');
}

/// The last line that names a frame of a Python traceback.
std::optional<size_t> LastFrame(const std::vector<std::string>& lines) {
  for (size_t i = lines.size(); i-- > 0;) {
    if (lines[i].starts_with("  File \"")) return i;
  }
  return std::nullopt;
}

/// Where the traceback with this frame begins: at its heading, or, where the tail was cut, at its
/// first frame.
size_t TracebackStart(const std::vector<std::string>& lines, size_t frame) {
  size_t start = frame;
  while (start > 0 && Indented(lines[start - 1])) --start;
  return start > 0 && lines[start - 1].ends_with(kTraceback) ? start - 1 : start;
}

/// The lines [first, last) of the exception that ends the traceback with this last frame.
struct Range {
  size_t first = 0;
  size_t last = 0;
};
Range ExceptionLines(const std::vector<std::string>& lines, size_t frame) {
  // A frame's source lines are indented and never empty (Python strips them).
  size_t first = frame + 1;
  while (first < lines.size() && Indented(lines[first])) ++first;
  // The message may have more lines: up to an empty one, behind which a log may go on.
  size_t last = first;
  while (last < lines.size() && !Trim(lines[last]).empty()) ++last;
  return {first, last};
}

std::string JoinLines(const std::vector<std::string>& lines, size_t first, size_t last) {
  return Join(std::span(lines).subspan(first, last - first), "\n");
}

}  // namespace

std::string MostTelling(std::string_view tail) {
  const std::vector<std::string> lines = Lines(tail);
  if (const auto frame = LastFrame(lines)) {
    const Range exception = ExceptionLines(lines, *frame);
    if (exception.first < exception.last) {
      const size_t traceback = TracebackStart(lines, *frame);
      return ToValidUtf8(fmt::format("{}\n{}", JoinLines(lines, exception.first, exception.last),
                                     JoinLines(lines, traceback, exception.first)),
                         kMessageLimit);
    }
  }
  const size_t first = lines.size() > kLastLines ? lines.size() - kLastLines : 0;
  std::string text = JoinLines(lines, first, lines.size());
  if (text.size() > kMessageLimit) text.erase(0, text.size() - kMessageLimit);
  return ToValidUtf8(Trim(text), kMessageLimit);
}

std::string FailureMessage(const process::Outcome& outcome) {
  if (!outcome.start_error.empty()) return outcome.start_error;
  std::string why;
  if (outcome.out_of_memory) {
    why =
        "the kernel killed the script because the container ran out of memory; use an instance "
        "type with more memory, or smaller batches";
  } else if (outcome.stopped_by != process::StoppedBy::kNobody) {
    why = fmt::format("stopped by {}{}", ::strsignal(outcome.stop_signal),
                      outcome.killed_after_grace ? ", killed when the grace period was over" : "");
  } else if (outcome.signal != 0) {
    why = fmt::format("the script was killed by signal {} ({})", outcome.signal,
                      ::strsignal(outcome.signal));
  }
  std::string said = MostTelling(outcome.error_tail);
  if (said.empty()) said = MostTelling(outcome.output_tail);
  if (why.empty()) return said;
  return said.empty() ? why : why + "\n" + said;
}

std::string FailureText(const Failure& failure, const Secrets& secrets) {
  const std::string message = secrets.Mask(failure.message);
  if (failure.type.empty()) return ToValidUtf8(message, kFailureLimit);
  std::string command;
  if (!failure.command.empty()) {
    command = fmt::format("\nCommand \"{}\"",
                          ToValidUtf8(secrets.MaskCommand(failure.command), kFailureLimit / 4));
  }
  const std::string head =
      fmt::format("{}:\nExitCode {}\nErrorMessage \"", failure.type, failure.exit_code);
  return head + ToValidUtf8(message, kFailureLimit - head.size() - command.size() - 1) + "\"" +
         command;
}

}  // namespace berth::training
