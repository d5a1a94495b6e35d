#include "platform/keeper.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string_view>

#include "contract/layout.h"
#include "core/files.h"
#include "platform/cluster_network.h"
#include "platform/fuse_device.h"
#include "platform/private_tree.h"
#include "platform/sent_descriptor.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

void Send(int socket, char kind, std::string_view text = "") {
  const std::string packet = kind + std::string(text.substr(0, kMaxPacket - 1));
  // Where the platform is gone there is nobody to tell; the next read says so.
  [[maybe_unused]] const ssize_t n = ::send(socket, packet.data(), packet.size(), MSG_NOSIGNAL);
}

// --- the namespaces ---------------------------------------------------------------------------

/// Where the host is one of several it gets a network, too.
Result<void> EnterNamespacesOf(const ContainerSpec& spec, const Try& attempt) {
  if (spec.network == nullptr) return EnterNamespaces(attempt);
  // For people who look at the processes of this machine.
  ::prctl(PR_SET_NAME, ("berth " + spec.host_name).c_str());
  return spec.network->EnterHost(spec.host_number, spec.host_name, attempt.pid_namespace);
}

/// The host's name resolves inside, as it does on the platform.
Result<void> NameHost(const ContainerSpec& spec) {
  if (::sethostname(spec.host_name.data(), spec.host_name.size()) != 0) {
    return FailErrno("cannot set the host's name");
  }
  std::error_code cause;
  const fs::path hosts = fs::canonical("/etc/hosts", cause);
  if (cause && spec.network != nullptr) {
    return Fail(Error::System(cause.value(), "cannot name the other hosts in \"/etc/hosts\""));
  }
  if (cause) return {};
  std::string text;
  if (spec.network != nullptr) {
    text = ClusterHostsFile(spec.hosts);
  } else {
    BERTH_ASSIGN(text, ReadFile(hosts, size_t{1} << 20));
    if (!text.empty() && text.back() != '\n') text += '\n';
    text += "127.0.0.1 " + spec.host_name + "\n";
  }
  const fs::path ours = spec.scratch / "hosts";
  BERTH_TRY(WriteFile(ours, text));
  return Bind(ours, hosts);
}

/// Hosts share no memory: what one has in /dev/shm is not the others'.
Result<void> SeparateSharedMemory() {
  constexpr const char* kPlace = "/dev/shm";
  std::error_code unknown;
  if (!fs::is_directory(kPlace, unknown)) return {};
  if (::mount("shm", kPlace, "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") == 0) return {};
  return FailErrno(fmt::format("cannot mount a \"{}\" for the host", kPlace));
}

Result<void> FurnishNamespaces(const ContainerSpec& spec) {
  BERTH_TRY(KeepMountsPrivate());
  for (const ContainerMount& mount : spec.mounts) {
    const fs::path place = spec.tree / mount.place;
    BERTH_TRY(mount.read_only ? BindReadOnly(mount.source, place) : Bind(mount.source, place));
  }
  for (const auto& [number, place] : spec.served) {
    // Not looked into before its server has it: that would wait.
    BERTH_ASSIGN(const Descriptor device, MountFuse(spec.tree / place));
    if (auto sent = SendDescriptor(spec.devices, number, device); !sent) {
      return Fail(sent.error().Within("FastFile"));
    }
  }
  BERTH_TRY(NameHost(spec));
  if (spec.network != nullptr) BERTH_TRY(SeparateSharedMemory());
  const fs::path staging = spec.scratch / "root";
  BERTH_TRY(MakeDirectories(staging));
  return ShowAt(spec.tree, fs::path(contract::kDefaultBase), staging);
}

/// Links instead of mounts: nothing is copied, nothing is protected.
Result<void> FurnishWithout(const ContainerSpec& spec) {
  if (!spec.served.empty()) return Fail("FastFile data cannot be mounted without namespaces");
  for (const ContainerMount& mount : spec.mounts) {
    const fs::path place = spec.tree / mount.place;
    std::error_code cause;
    fs::remove(place, cause);
    fs::create_symlink(mount.source, place, cause);
    if (cause) {
      return Fail(Error::System(cause.value(), fmt::format("cannot link \"{}\"", place.string())));
    }
  }
  return {};
}

// --- the job's process ------------------------------------------------------------------------

Result<void> PrepareStreams(int output) {
  const Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!nothing || ::dup2(nothing.get(), 0) < 0 || ::dup2(output, 1) < 0 || ::dup2(output, 2) < 0) {
    return FailErrno("cannot prepare the job's streams");
  }
  return {};
}

/// As execve() wants them: ended by a null, valid as long as `texts` is.
std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

void Execute(const ContainerSpec& spec, const Try& attempt, const Descriptor& program) {
  std::map<std::string, std::string> environment = spec.variables;
  const fs::path base = attempt.mount_namespace ? fs::path(contract::kDefaultBase) : spec.tree;
  if (!attempt.mount_namespace) environment["SAGEMAKER_BASE_DIR"] = base.string();
  for (const auto& [name, place] : spec.places) environment[name] = (base / place).string();
  std::vector<std::string> texts;
  texts.reserve(environment.size());
  for (const auto& [name, value] : environment) texts.push_back(fmt::format("{}={}", name, value));
  const std::vector<char*> argv = Pointers(spec.argv);
  const std::vector<char*> variables = Pointers(texts);
  if (program) {
    ::syscall(SYS_execveat, program.get(), "", argv.data(), variables.data(), AT_EMPTY_PATH);
    return;
  }
  // execvpe() looks in the PATH of its own process.
  const auto path = environment.find("PATH");
  if (path != environment.end()) ::setenv("PATH", path->second.c_str(), 1);
  ::execvpe(argv[0], argv.data(), variables.data());
}

/// Never returns. Whatever keeps the job from starting is written to `report`, which closes by
/// itself when the job does start.
[[noreturn]] void BecomeJob(const ContainerSpec& spec, const Try& attempt, int output,
                            const Descriptor& program, const std::string& directory, int report) {
  // Should the keeper itself be killed. In a pid namespace this takes all the others along.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto give_up = [&](char kind, const std::string& text) {
    Send(report, kind, text);
    ::_exit(126);
  };
  if (attempt.pid_namespace) {
    if (const auto mounted = MountProc(); !mounted) {
      give_up(kSetupFailed, mounted.error().message());
    }
  }
  if (const auto streams = PrepareStreams(output); !streams) {
    give_up(kSetupFailed, streams.error().message());
  }
  // A session of its own, without the terminal: Ctrl-C is for the platform, which passes it on.
  ::setsid();
  if (::chdir(directory.c_str()) != 0 && ::chdir("/") != 0) {
    give_up(kSetupFailed, "cannot enter the working directory");
  }
  // A container starts with no signal ignored or blocked, whatever our caller did (nohup, `&`).
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  // What our caller left open is not for the job. Kernels before 5.11 cannot; it is then inherited.
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (spec.kept >= 0) ::fcntl(spec.kept, F_SETFD, 0);
  Execute(spec, attempt, program);
  const int cause = errno;
  give_up(
      kStartFailed,
      fmt::format("{} {}", cause == ENOENT ? 127 : 126,
                  Error::System(cause, fmt::format("cannot run \"{}\"", spec.argv[0])).message()));
  ::_exit(126);
}

// --- the end ----------------------------------------------------------------------------------

/// Our children, from /proc: who has us as the parent.
std::vector<pid_t> Children() {
  std::vector<pid_t> children;
  std::error_code cause;
  for (fs::directory_iterator entry("/proc", cause); !cause && entry != fs::directory_iterator();
       entry.increment(cause)) {
    const std::string name = entry->path().filename().string();
    pid_t pid = 0;
    const auto [end, bad] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (bad != std::errc() || end != name.data() + name.size()) continue;
    const Result<std::string> stat = ReadFile(entry->path() / "stat", 4096);
    if (!stat) continue;
    // "pid (name) state ppid …": the name may hold anything, so look from its last ')'.
    const size_t after = stat->rfind(')');
    if (after == std::string::npos || after + 4 >= stat->size()) continue;
    pid_t parent = 0;
    std::from_chars(stat->data() + after + 4, stat->data() + stat->size(), parent);
    if (parent == ::getpid()) children.push_back(pid);
  }
  return children;
}

/// We are the reaper of all that the job started: whoever loses a parent becomes our child, so
/// that killing children until there are none reaches everybody.
void KillAll() {
  // A child that /proc does not show cannot be killed; do not look for it for ever.
  constexpr int kMaxFruitlessScans = 1000;
  for (int fruitless = 0; fruitless < kMaxFruitlessScans;) {
    const std::vector<pid_t> children = Children();
    for (const pid_t child : children) ::kill(child, SIGKILL);
    fruitless = children.empty() ? fruitless + 1 : 0;
    const pid_t reaped = ::waitpid(-1, nullptr, children.empty() ? WNOHANG : 0);
    if (reaped < 0 && errno == ECHILD) return;
  }
}

/// Whether SIGTERM would reach PID 1 of the job's namespace, whose /proc this is: the kernel drops
/// what that process neither handles nor blocks.
bool NoticesStop() {
  const Result<std::string> status = ReadFile("/proc/1/status", size_t{64} << 10);
  if (!status) return true;
  for (const std::string_view field : {"\nSigBlk:\t", "\nSigCgt:\t"}) {
    const size_t found = status->find(field);
    if (found == std::string::npos) continue;
    uint64_t mask = 0;
    const char* const digits = status->data() + found + field.size();
    std::from_chars(digits, status->data() + status->size(), mask, 16);
    if ((mask >> (SIGTERM - 1) & 1) != 0) return true;
  }
  return false;
}

/// Waits for the job's end, and does what the platform says meanwhile. The job's wait status.
int AttendJob(pid_t job, int socket, int signals, bool pid_namespace) {
  // A job that is stopped just after its start may not listen yet. Nothing tells when it does.
  constexpr int kLookAgain = 20;  // ms
  bool listening = true;
  bool stop_due = false;
  for (;;) {
    if (stop_due && (!pid_namespace || NoticesStop())) {
      ::kill(job, SIGTERM);
      stop_due = false;
    }
    std::array<pollfd, 2> waits{{{signals, POLLIN, 0}, {listening ? socket : -1, POLLIN, 0}}};
    if (::poll(waits.data(), waits.size(), stop_due ? kLookAgain : -1) < 0 && errno != EINTR) {
      ::kill(job, SIGKILL);
    }
    if (waits[0].revents != 0) {
      signalfd_siginfo info;
      [[maybe_unused]] const ssize_t n = ::read(signals, &info, sizeof info);
      for (int status = 0;;) {
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid == job) return status;
        if (pid <= 0) break;
      }
    }
    if (waits[1].revents != 0) {
      char order = kKillJob;
      const ssize_t n = ::recv(socket, &order, 1, 0);
      // Nothing to read: the platform is gone, and nothing of the job may stay.
      if (n <= 0) listening = false;
      if (n == 1 && order == kStopJob) {
        stop_due = true;
      } else {
        ::kill(job, SIGKILL);
      }
    }
  }
}

}  // namespace

Result<void> TryFuseMount(const Try& attempt, const fs::path& folder) {
  BERTH_TRY(EnterNamespaces(attempt));
  BERTH_TRY(KeepMountsPrivate());
  BERTH_ASSIGN(const Descriptor device, MountFuse(folder));
  return {};
}

void Keep(const ContainerSpec& spec, const Try& attempt, Descriptor socket, Descriptor output,
          const Descriptor& program) {
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  ::setsid();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  // Not least the platform's ends of other keepers' sockets: they would not see it die.
  std::vector<int> kept{socket.get(), output.get(), program.get(), spec.devices, spec.kept};
  if (spec.network != nullptr) {
    for (const int descriptor : spec.network->descriptors()) kept.push_back(descriptor);
  }
  CloseAllBut(std::move(kept));
  std::error_code cause;
  const std::string directory = fs::current_path(cause).string();
  const auto give_up = [&](const Error& error) {
    Send(socket.get(), kSetupFailed, error.message());
  };

  if (attempt.mount_namespace) {
    if (auto entered = EnterNamespacesOf(spec, attempt); !entered) return give_up(entered.error());
    if (auto furnished = FurnishNamespaces(spec); !furnished) return give_up(furnished.error());
  } else if (auto furnished = FurnishWithout(spec); !furnished) {
    return give_up(furnished.error());
  }

  // The server's alone from here on: with its end, reads shall fail.
  if (spec.devices >= 0) ::close(spec.devices);

  sigset_t child_set;
  sigemptyset(&child_set);
  sigaddset(&child_set, SIGCHLD);
  const Descriptor signals(::signalfd(-1, &child_set, SFD_CLOEXEC));
  int report[2];
  if (!signals || ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) != 0) {
    return give_up(Error::System(errno, "cannot prepare the job's start"));
  }
  Descriptor ours(report[0]);
  Descriptor theirs(report[1]);
  const pid_t job = ::fork();
  if (job < 0) return give_up(Error::System(errno, "cannot start a process"));
  if (job == 0) {
    BecomeJob(spec, attempt, output.get(), program, directory, theirs.get());
  }
  theirs.Close();
  output.Close();
  std::array<char, kMaxPacket> packet;
  const ssize_t n = ::recv(ours.get(), packet.data(), packet.size(), 0);
  if (n > 0) {
    ::waitpid(job, nullptr, 0);
    Send(socket.get(), packet[0], {packet.data() + 1, static_cast<size_t>(n) - 1});
    return;
  }
  Send(socket.get(), kRunning);
  const int status = AttendJob(job, socket.get(), signals.get(), attempt.pid_namespace);
  KillAll();
  Send(socket.get(), kEnded, std::to_string(status));
}

}  // namespace berth::platform
