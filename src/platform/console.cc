#include "platform/console.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>

namespace berth::platform {
namespace {

constexpr std::string_view kClearLine = "\r\x1b[2K";

std::string Variable(const std::map<std::string, std::string>& variables, const char* name) {
  const auto found = variables.find(name);
  return found == variables.end() ? "" : found->second;
}

int Width(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

bool LocaleIsUtf8(const std::map<std::string, std::string>& variables) {
  std::string locale;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    if (locale.empty()) locale = Variable(variables, name);
  }
  std::transform(locale.begin(), locale.end(), locale.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
}

}  // namespace

Terminal DetectTerminal(int fd, const std::map<std::string, std::string>& variables) {
  const std::string term = Variable(variables, "TERM");
  Terminal terminal;
  terminal.live = ::isatty(fd) == 1 && !term.empty() && term != "dumb";
  terminal.unicode = LocaleIsUtf8(variables);
  terminal.color = terminal.live && Variable(variables, "NO_COLOR").empty();
  if (::isatty(fd) == 1) terminal.width = Width(fd);
  return terminal;
}

std::string_view CutToColumns(std::string_view text, size_t columns) {
  size_t used = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool starts = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (starts && ++used > columns) return text.substr(0, i);
  }
  return text;
}

void Console::Log(std::string_view bytes) {
  if (bytes.empty()) return;
  ClearStatus();
  at_line_start_ = bytes.back() == '\n';
  Write(bytes);
}

void Console::Write(std::string_view bytes) {
  if (gone_) return;
  pending_ += bytes;
  Flush();
}

void Console::Flush() {
  size_t done = 0;
  while (done < pending_.size()) {
    pollfd ready{fd_, POLLOUT, 0};
    if (::poll(&ready, 1, 0) <= 0 || ready.revents == 0) break;
    const ssize_t n =
        ::write(fd_, pending_.data() + done, std::min(kChunk, pending_.size() - done));
    if (n < 0) {
      if (errno == EINTR || errno == EAGAIN) break;
      // Nobody reads any more: the job goes on, and its log file has everything.
      gone_ = true;
      done = pending_.size();
      break;
    }
    done += static_cast<size_t>(n);
  }
  pending_.erase(0, done);
}

void Console::ShowStatus(std::string_view line) {
  if (!terminal_.live || !at_line_start_ || pending()) return;
  terminal_.width = Width(fd_);
  line = CutToColumns(line, static_cast<size_t>(std::max(terminal_.width - 1, 1)));
  if (line == status_) return;
  status_ = line;
  Write(std::string(kClearLine) + status_);
}

void Console::ClearStatus() {
  if (status_.empty()) return;
  status_.clear();
  Write(kClearLine);
}

void Console::MakeRoom() {
  ClearStatus();
  if (terminal_.live && !at_line_start_) {
    at_line_start_ = true;
    Write("\n");
  }
}

}  // namespace berth::platform
