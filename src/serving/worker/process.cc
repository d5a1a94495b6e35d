#include "serving/worker/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

#include "core/log.h"
#include "process/output_pump.h"
#include "process/spawn.h"
#include "process/start_error.h"

namespace berth::serving::worker {
namespace {

// A message with a traceback is the largest there is.
constexpr size_t kLongestMessage = size_t{256} << 10;
constexpr size_t kMostDescriptors = 5;

/// Inherited by children that start while it lives.
class Inheritable {
 public:
  explicit Inheritable(int fd) : fd_(fd) { ::fcntl(fd_, F_SETFD, 0); }
  Inheritable(Inheritable&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Inheritable(const Inheritable&) = delete;
  Inheritable& operator=(const Inheritable&) = delete;
  Inheritable& operator=(Inheritable&&) = delete;
  ~Inheritable() {
    if (fd_ >= 0) ::fcntl(fd_, F_SETFD, FD_CLOEXEC);
  }

 private:
  int fd_;
};

}  // namespace

std::optional<uint32_t> NumberIn(const json::Object& message, std::string_view name) {
  const json::Value* found = message.Find(name);
  const json::Integer* number = found != nullptr ? found->AsInteger() : nullptr;
  if (number == nullptr) return std::nullopt;
  uint32_t value = 0;
  const char* const end = number->digits.data() + number->digits.size();
  const auto read = std::from_chars(number->digits.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return value;
}

WorkerProcess::WorkerProcess(boost::asio::io_context& loop, transport::Channel channel,
                             Events events)
    : loop_(loop), channel_(std::move(channel)), events_(std::move(events)) {}

Result<WorkerProcess::Ends> WorkerProcess::MakeEnds() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return FailErrno("cannot make a worker's control socket");
  }
  control_ = Descriptor(ends[0]);
  Ends theirs;
  theirs.control = Descriptor(ends[1]);
  const int size = kLongestMessage;
  ::setsockopt(control_.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  ::setsockopt(theirs.control.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  BERTH_TRY(SetNonBlocking(control_.get(), true));
  // One for stdout and stderr: what is written first comes first.
  BERTH_ASSIGN(Pipe output, process::MakeOutputPipe());
  output_.emplace(std::move(output.read), events_.output);
  theirs.output = std::move(output.write);
  return theirs;
}

void WorkerProcess::Listen() {
  PauseOutput(false);
  on_control_.emplace(loop_, control_.get(), [this] { ReadControl(); });
  on_done_.emplace(loop_, channel_.done(), [this] { events_.finished(); });
}

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::Start(boost::asio::io_context& loop,
                                                            const WorkerSpec& spec, int index,
                                                            const process::Variables& own_variables,
                                                            const process::SignalGuard& signals,
                                                            Events events) {
  BERTH_ASSIGN(transport::Channel channel, transport::Channel::Make());
  std::unique_ptr<WorkerProcess> worker(
      new WorkerProcess(loop, std::move(channel), std::move(events)));
  BERTH_ASSIGN(const Ends theirs, worker->MakeEnds());
  const Descriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null) return FailErrno("cannot open \"/dev/null\"");

  process::Command command;
  command.argv = {spec.python, "-u", fmt::format("/proc/self/fd/{}", spec.archive),
                  std::to_string(theirs.control.get())};
  command.variables = spec.variables;
  for (const auto& [name, value] : own_variables) command.variables[name] = value;
  command.directory = spec.directory;

  process::Spawned spawned;
  {
    std::vector<Inheritable> inherited;
    for (const int fd : {theirs.control.get(), spec.archive, spec.arena, worker->channel_.ring(),
                         worker->channel_.ready(), worker->channel_.done()}) {
      inherited.emplace_back(fd);
    }
    BERTH_ASSIGN(spawned, process::Spawn({spec.python}, command.argv, command,
                                         {.input = null.get(),
                                          .output = theirs.output.get(),
                                          .error = theirs.output.get()},
                                         signals));
  }
  if (spawned.pid < 0) {
    return Fail(process::ExplainStartFailure(command, {spec.python}, spawned.failure).message,
                spawned.failure.error);
  }
  worker->pid_ = spawned.pid;
  worker->Listen();

  json::Object config = spec.config;
  config.Set("index", index);
  config.Set("arena", spec.arena);
  config.Set("ring", worker->channel_.ring());
  config.Set("ready", worker->channel_.ready());
  config.Set("done", worker->channel_.done());
  if (!worker->Send(config)) return FailErrno("cannot tell a worker what to do");
  return worker;
}

Result<std::unique_ptr<WorkerProcess>> WorkerProcess::Fork(boost::asio::io_context& loop, int index,
                                                           WorkerProcess& from, Events events) {
  BERTH_ASSIGN(transport::Channel channel, transport::Channel::Make());
  std::unique_ptr<WorkerProcess> worker(
      new WorkerProcess(loop, std::move(channel), std::move(events)));
  BERTH_ASSIGN(const Ends theirs, worker->MakeEnds());
  if (!from.Send({{"type", "fork"}, {"index", index}},
                 {theirs.control.get(), worker->channel_.ring(), worker->channel_.ready(),
                  worker->channel_.done(), theirs.output.get()})) {
    return FailErrno("cannot ask the template for a worker");
  }
  worker->Listen();
  return worker;
}

Result<void> WorkerProcess::Begin(pid_t pid, int index) {
  siginfo_t ignored{};
  // It became ours when its parent, a helper of the template's, ended.
  if (pid <= 1 ||
      ::waitid(P_PID, static_cast<id_t>(pid), &ignored, WEXITED | WNOHANG | WNOWAIT) != 0) {
    return Fail(fmt::format("process {} is no child of the server's", pid));
  }
  pid_ = pid;
  // Where this fails, it has died, and SIGCHLD tells.
  if (!Send({{"type", "begin"}, {"index", index}})) Kill();
  return {};
}

WorkerProcess::~WorkerProcess() {
  if (pid_ > 0) ::kill(-pid_, SIGKILL);
}

bool WorkerProcess::Send(const json::Object& message, const std::vector<int>& descriptors) {
  std::string text = json::DumpPython(json::Value(message));
  iovec part{text.data(), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMostDescriptors)> ancillary{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const size_t size = descriptors.size() * sizeof(int);
    header.msg_control = ancillary.data();
    header.msg_controllen = CMSG_SPACE(size);
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(rights), descriptors.data(), size);
  }
  return ::sendmsg(control_.get(), &header, MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

void WorkerProcess::Stop() {
  if (!Send({{"type", "stop"}})) Kill();
}

void WorkerProcess::Kill() {
  if (pid_ > 0) ::kill(-pid_, SIGKILL);
}

void WorkerProcess::ReadControl() {
  static std::vector<char> buffer(kLongestMessage);  // one thread
  for (;;) {
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 4)> ancillary;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = ancillary.data();
    message.msg_controllen = ancillary.size();
    const ssize_t n = ::recvmsg(control_.get(), &message, MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
      on_control_.reset();  // it has gone, or is about to: SIGCHLD tells
      return;
    }
    std::vector<Descriptor> files;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
      const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (size_t i = 0; i < count; ++i) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
        files.emplace_back(fd);
      }
    }
    const auto parsed = json::Parse({buffer.data(), static_cast<size_t>(n)});
    const json::Object* object = parsed ? parsed->AsObject() : nullptr;
    if (object == nullptr) {
      log::Warning("serve", "worker process {} sent a message that cannot be read", pid_);
      continue;
    }
    const json::Value* type = object->Find("type");
    if (type != nullptr && *type == json::Value("body")) {
      const auto slot = NumberIn(*object, "slot");
      if (slot && files.size() == 1) files_[*slot] = std::move(files.front());
      continue;
    }
    events_.message(*object);
  }
}

std::optional<Descriptor> WorkerProcess::TakeFile(uint32_t slot) {
  if (on_control_) ReadControl();
  const auto found = files_.find(slot);
  if (found == files_.end()) return std::nullopt;
  std::optional<Descriptor> file(std::move(found->second));
  files_.erase(found);
  return file;
}

void WorkerProcess::PauseOutput(bool on) {
  on_lines_.reset();
  if (on || !output_) return;
  on_lines_.emplace(loop_, output_->fd(), [this] {
    if (output_->Read()) return;
    on_lines_.reset();
    output_.reset();
  });
}

void WorkerProcess::ReadRest() {
  if (on_control_) ReadControl();
  if (output_) output_->Read();
}

}  // namespace berth::serving::worker
