#include "process/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace berth::process {
namespace {

constexpr size_t kStackBytes = size_t{64} << 10;

/// All that the child needs, made before it exists: it shares our memory until it execs, so it
/// allocates nothing and calls nothing but the kernel.
struct Plan {
  const SignalGuard* signals;
  ChildStreams streams;
  const char* directory;
  std::vector<const char*> paths;
  std::vector<char*> argv;
  std::vector<char*> environment;
  pid_t parent;
  SpawnFailure failure;  // written by the child, read by us after it has gone
};

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& s : strings) pointers.push_back(const_cast<char*>(s.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// dup2() alone, which leaves close-on-exec off in the copy.
bool Move(int from, int to) {
  return from < 0 || ::dup2(from, to) >= 0;
}

[[noreturn]] void FailChild(Plan* plan, SpawnFailure::Step step, int error, size_t path = 0) {
  plan->failure = {step, error, path};
  ::_exit(127);
}

/// As execvp(): a path that is not there or not ours to run gives way to the next; of all failures
/// "permission denied" is the one to report, since there the program does exist.
[[noreturn]] void Exec(Plan* plan) {
  int error = ENOENT;
  size_t failed = 0;
  for (size_t i = 0; i < plan->paths.size(); ++i) {
    ::execve(plan->paths[i], plan->argv.data(), plan->environment.data());
    const bool next = errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    if (!next || (errno == EACCES && error != EACCES)) {
      error = errno;
      failed = i;
    }
    if (!next) break;
  }
  FailChild(plan, SpawnFailure::Step::kExec, error, failed);
}

int RunChild(void* argument) {
  auto* plan = static_cast<Plan*>(argument);
  using enum SpawnFailure::Step;
  // The parent may have been killed before prctl() took effect; from another PID namespace it
  // reads as 0.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) FailChild(plan, kSetUp, errno);
  const pid_t parent = ::getppid();
  if (parent != plan->parent && parent != 0) ::_exit(127);

  if (::setpgid(0, 0) != 0) FailChild(plan, kSetUp, errno);
  const ChildStreams& streams = plan->streams;
  if (!Move(streams.input, 0) || !Move(streams.output, 1) || !Move(streams.error, 2)) {
    FailChild(plan, kSetUp, errno);
  }
  if (plan->directory != nullptr && ::chdir(plan->directory) != 0) {
    FailChild(plan, kDirectory, errno);
  }
  plan->signals->RestoreInChild();
  Exec(plan);
}

/// A stack for the child while it shares our memory.
class Stack {
 public:
  Stack()
      : base_(::mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)) {}
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;
  ~Stack() {
    if (ok()) ::munmap(base_, kStackBytes);
  }
  bool ok() const { return base_ != MAP_FAILED; }
  void* top() const { return static_cast<char*>(base_) + kStackBytes; }

 private:
  void* base_;
};

}  // namespace

Result<Spawned> Spawn(const std::vector<std::string>& paths, const std::vector<std::string>& argv,
                      const Command& command, const ChildStreams& streams,
                      const SignalGuard& signals) {
  std::vector<std::string> environment;
  environment.reserve(command.variables.size());
  for (const auto& [name, value] : command.variables)
    environment.push_back(fmt::format("{}={}", name, value));

  Plan plan{.signals = &signals,
            .streams = streams,
            .directory = command.directory.empty() ? nullptr : command.directory.c_str(),
            .paths = {},
            .argv = Pointers(argv),
            .environment = Pointers(environment),
            .parent = ::getpid(),
            .failure = {}};
  for (const std::string& path : paths) plan.paths.push_back(path.c_str());

  const Stack stack;
  if (!stack.ok()) return FailErrno("cannot start a process");
  pid_t pid = -1;
  {
    // A handler of ours must not run in the child, on our memory.
    const AllSignalsBlocked blocked;
    // CLONE_VFORK: we sleep until it execs or exits. Without copying page tables the start costs
    // the same however large we are.
    pid = ::clone(RunChild, stack.top(), CLONE_VM | CLONE_VFORK | SIGCHLD, &plan);
  }
  if (pid < 0) {
    const int error = errno;
    return Fail(Error::System(
        error, error == EAGAIN ? "cannot start a process (is the limit on processes reached?)"
                               : "cannot start a process"));
  }
  if (plan.failure.error == 0) return Spawned{pid, {}};
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  return Spawned{-1, plan.failure};
}

}  // namespace berth::process
