#include "training/failure.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "core/text.h"

namespace berth::training {
namespace {

constexpr std::string_view kTraceback = "Traceback (most recent call last):";
/// Lines of output that are kept where there is no traceback.
constexpr size_t kLastLines = 20;
constexpr size_t kMessageLimit = size_t{8} * 1024;
/// Of a line before the last one, so much is kept.
constexpr size_t kLongLine = 300;

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

size_t Indent(const std::string& line) {
  return std::min(line.find_first_not_of(" \t"), line.size());
}

/// A Python traceback in a log.
struct Traceback {
  size_t start = 0;      // its heading, or, where the tail was cut, its first frame
  size_t exception = 0;  // the first line of the exception
  size_t end = 0;        // behind the exception's last line
  size_t indent = 0;     // of the whole of it: pip indents what a build printed
};

/// The last one of the log.
std::optional<Traceback> LastTraceback(const std::vector<std::string>& lines) {
  for (size_t frame = lines.size(); frame-- > 0;) {
    const size_t inner = Indent(lines[frame]);
    if (inner < 2 || !std::string_view(lines[frame]).substr(inner).starts_with("File \"")) continue;
    Traceback found{.start = frame, .exception = frame + 1, .end = 0, .indent = inner - 2};
    while (found.start > 0 && Indent(lines[found.start - 1]) >= inner) --found.start;
    if (found.start > 0 && lines[found.start - 1].ends_with(kTraceback)) --found.start;
    // A frame's source lines are indented and never empty (Python strips them).
    while (found.exception < lines.size() && Indent(lines[found.exception]) >= inner) {
      ++found.exception;
    }
    if (found.exception == lines.size()) continue;
    // The message may have more lines: up to an empty one, behind which a log may go on. Inside of
    // somebody's quotation what follows is his.
    found.end = found.exception + 1;
    while (found.indent == 0 && found.end < lines.size() && !Trim(lines[found.end]).empty()) {
      ++found.end;
    }
    return found;
  }
  return std::nullopt;
}

std::string JoinLines(const std::vector<std::string>& lines, size_t first, size_t last) {
  return Join(std::span(lines).subspan(first, last - first), "\n");
}

}  // namespace

std::string MostTelling(std::string_view tail) {
  std::vector<std::string> lines = Lines(tail);
  if (const auto found = LastTraceback(lines)) {
    for (size_t i = found->start; i < found->end; ++i) {
      lines[i].erase(0, std::min(found->indent, Indent(lines[i])));
    }
    return ToValidUtf8(fmt::format("{}\n{}", JoinLines(lines, found->exception, found->end),
                                   JoinLines(lines, found->start, found->exception)),
                       kMessageLimit);
  }
  const size_t first = lines.size() > kLastLines ? lines.size() - kLastLines : 0;
  // The reason is near the end: what stands before it must not push it out of what is shown.
  for (size_t i = first; i + 1 < lines.size(); ++i) {
    if (lines[i].size() > kLongLine) lines[i] = ToValidUtf8(lines[i], kLongLine);
  }
  std::string text = JoinLines(lines, first, lines.size());
  if (text.size() > kMessageLimit) {
    size_t cut = text.size() - kMessageLimit;
    while (cut < text.size() && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) ++cut;
    text.erase(0, cut);
  }
  return ToValidUtf8(Trim(text), kMessageLimit);
}

bool EndsInTraceback(std::string_view tail) {
  // Such as MPI's own about its MPI_Abort().
  constexpr size_t kBehind = 5;
  const std::vector<std::string> lines = Lines(tail);
  const auto found = LastTraceback(lines);
  return found && found->end + kBehind >= lines.size();
}

std::optional<int> MpiAbortCode(std::string_view tail) {
  constexpr size_t kLooked = 5;
  constexpr std::string_view kAbort = "Abort(";
  const std::vector<std::string> lines = Lines(tail);
  std::optional<int> last;
  for (size_t i = lines.size() > kLooked ? lines.size() - kLooked : 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    if (!line.starts_with(kAbort) || line.find("application called MPI_Abort") == line.npos) {
      continue;
    }
    int code = 0;
    const char* const end = line.data() + line.size();
    if (std::from_chars(line.data() + kAbort.size(), end, code).ec == std::errc()) last = code;
  }
  return last;
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
