#include "storage/credential_process.h"

#include <aws/common/byte_buf.h>
#include <aws/common/date_time.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "core/descriptor.h"
#include "core/json.h"

namespace berth::storage {
namespace {

using std::chrono::steady_clock;

constexpr size_t kMaxOutput = size_t{64} << 10;

// The program while it runs; killed with all of its group where it has not ended.
class Child {
 public:
  [[nodiscard]] static Result<Child> Start(std::vector<std::string> words, int output) {
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    posix_spawn_file_actions_t streams;
    posix_spawn_file_actions_init(&streams);
    posix_spawn_file_actions_addopen(&streams, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&streams, output, STDOUT_FILENO);
    // What it says there may be anything, in a log that may be anybody's.
    posix_spawn_file_actions_addopen(&streams, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    pid_t pid = -1;
    const int error = ::posix_spawnp(&pid, argv[0], &streams, &attributes, argv.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&streams);
    if (error != 0) return Fail(Error::System(error, fmt::format("cannot run \"{}\"", argv[0])));
    return Child(pid);
  }

  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), ended_(std::move(other.ended_)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ < 0) return;
    ::kill(-pid_, SIGKILL);
    Reap();
  }

  /// Readable once it has ended; -1 where the kernel (before 5.3) cannot tell.
  int ended() const { return ended_.get(); }

  /// Of waitpid(). 0 where somebody else has reaped it.
  int Reap() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0) {
      if (errno != EINTR) break;
    }
    pid_ = -1;
    return status;
  }

 private:
  explicit Child(pid_t pid)
      : pid_(pid), ended_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
  pid_t pid_;
  Descriptor ended_;
};

// What it prints until it has ended; what it started may print on, for nobody.
Result<std::string> ReadUntilEnd(int pipe, const Child& child, steady_clock::time_point deadline,
                                 const Cancellation* cancel) {
  std::string output;
  bool open = true;
  while (open || child.ended() >= 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return Fail("no answer in time", ETIMEDOUT);
    std::array<pollfd, 3> watched{{{open ? pipe : -1, POLLIN, 0},
                                   {child.ended(), POLLIN, 0},
                                   {cancel != nullptr ? cancel->descriptor() : -1, POLLIN, 0}}};
    if (::poll(watched.data(), watched.size(), static_cast<int>(left.count())) < 0 &&
        errno != EINTR) {
      return FailErrno("cannot wait");
    }
    if (watched[2].revents != 0) return Fail("cancelled", ECANCELED);
    const bool ended = watched[1].revents != 0;
    while (open) {
      std::array<char, 4096> buffer;
      const ssize_t n = ::read(pipe, buffer.data(), buffer.size());
      if (n < 0) break;
      open = n > 0;
      output.append(buffer.data(), static_cast<size_t>(n));
      if (output.size() > kMaxOutput) return Fail("it prints more than credentials");
    }
    if (ended) break;
  }
  return output;
}

}  // namespace

Result<std::vector<std::string>> WordsOf(std::string_view command) {
  std::vector<std::string> words;
  bool inside = false;  // a word
  char quote = 0;
  for (size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (quote == 0 && (c == ' ' || c == '\t')) {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == '\\' && quote != '\'' && i + 1 < command.size() &&
               (quote == 0 || command[i + 1] == '"' || command[i + 1] == '\\')) {
      words.back() += command[++i];
    } else {
      words.back() += c;
    }
  }
  if (quote != 0) return Fail("a quote in the command is not closed");
  if (words.empty()) return Fail("the command is empty");
  return words;
}

Result<PrintedCredentials> ParsePrinted(std::string_view json) {
  const auto value = json::Parse(json);
  const json::Object* object = value ? value->AsObject() : nullptr;
  if (object == nullptr) return Fail("what it prints is no JSON object");
  const auto text = [object](const char* name) -> std::string {
    const json::Value* found = object->Find(name);
    const std::string* string = found != nullptr ? found->AsString() : nullptr;
    return string != nullptr ? *string : "";
  };
  const json::Value* version = object->Find("Version");
  if (version == nullptr || json::Dump(*version) != "1") return Fail("it prints no \"Version\": 1");
  PrintedCredentials printed{.access_key_id = text("AccessKeyId"),
                             .secret_access_key = text("SecretAccessKey"),
                             .session_token = text("SessionToken"),
                             .expires = {}};
  if (printed.access_key_id.empty() || printed.secret_access_key.empty()) {
    return Fail("it prints no AccessKeyId and SecretAccessKey");
  }
  if (const std::string when = text("Expiration"); !when.empty()) {
    aws_date_time parsed;
    const aws_byte_cursor cursor = aws_byte_cursor_from_array(when.data(), when.size());
    if (aws_date_time_init_from_str_cursor(&parsed, &cursor, AWS_DATE_FORMAT_ISO_8601) !=
        AWS_OP_SUCCESS) {
      return Fail("it prints an Expiration that is no time as in ISO 8601");
    }
    printed.expires = std::chrono::system_clock::time_point(
        std::chrono::seconds(static_cast<int64_t>(aws_date_time_as_epoch_secs(&parsed))));
    if (*printed.expires <= std::chrono::system_clock::now()) {
      return Fail("it prints credentials that have expired");
    }
  }
  return printed;
}

Result<PrintedCredentials> RunCredentialProcess(std::string_view command,
                                                steady_clock::time_point deadline,
                                                const Cancellation* cancel) {
  BERTH_ASSIGN(std::vector<std::string> words, WordsOf(command));
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return FailErrno("cannot make a pipe");
  const Descriptor from(ends[0]);
  Descriptor to(ends[1]);
  // The program's end blocks, as programs expect.
  ::fcntl(to.get(), F_SETFL, 0);
  BERTH_ASSIGN(Child child, Child::Start(std::move(words), to.get()));
  to.Close();
  BERTH_ASSIGN(const std::string output, ReadUntilEnd(from.get(), child, deadline, cancel));
  if (const int status = child.Reap(); status != 0) {
    return Fail(WIFSIGNALED(status)
                    ? fmt::format("it was killed by signal {}", WTERMSIG(status))
                    : fmt::format("it ended with exit code {}", WEXITSTATUS(status)));
  }
  return ParsePrinted(output);
}

}  // namespace berth::storage
