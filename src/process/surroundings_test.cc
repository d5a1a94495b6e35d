// The supervisor as PID 1, on a terminal, and when memory runs out.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <termios.h>

#include <filesystem>
#include <string>

#include "core/files.h"
#include "process/cgroup.h"
#include "process/supervisor.h"
#include "process/testing/run.h"

namespace berth::process {
namespace {

namespace fs = std::filesystem;
using testing::InFork;
using testing::RunShell;

constexpr int kSkipped = 77;

/// Runs `body` as PID 1 of a namespace, with a /proc that shows it or still the outer one.
int AsPid1(bool own_proc, const std::function<int()>& body) {
  return InFork([&] {
    const int spaces = CLONE_NEWPID | (own_proc ? CLONE_NEWNS : 0);
    if (::unshare(spaces) != 0 && ::unshare(CLONE_NEWUSER | spaces) != 0) return kSkipped;
    return InFork([&] {
      if (own_proc) {
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
        if (::mount("proc", "/proc", "proc", 0, nullptr) != 0) return kSkipped;
      }
      return body();
    });
  });
}

TEST(AsInit, OrphansAreReapedWhileTheCommandRuns) {
  const int code = AsPid1(true, [] {
    const auto ran = RunShell(
        "i=0; while [ $i -lt 50 ]; do i=$((i+1)); (sh -c 'exit 3' &); done; "
        "while grep -q '^State:.Z' /proc/[0-9]*/status 2>/dev/null; do sleep 0.01; done; exit 9");
    return ran.outcome.code() == 9 && ::waitpid(-1, nullptr, WNOHANG) == -1 ? 0 : 1;
  });
  if (code == kSkipped) GTEST_SKIP() << "PID namespaces are forbidden here";
  EXPECT_EQ(code, 0);
}

TEST(AsInit, ProcessesLeftBehindAreEndedWithAndWithoutAProcOfOurOwn) {
  for (const bool own_proc : {true, false}) {
    const int code = AsPid1(own_proc, [] {
      const auto ran = RunShell("(setsid sleep 1000 &); (sleep 1000 &); exit 5");
      return ran.outcome.code() == 5 && ::waitpid(-1, nullptr, WNOHANG) == -1 ? 0 : 1;
    });
    if (code == kSkipped) GTEST_SKIP() << "PID namespaces are forbidden here";
    EXPECT_EQ(code, 0);
  }
}

TEST(AsInit, SignalsAreForwarded) {
  const int code = AsPid1(true, [] {
    SuperviseOptions options;
    options.observer = testing::WhenReady([] { ::kill(1, SIGTERM); });
    return RunShell("trap 'exit 6' TERM; echo ready; sleep 60 & wait", options).outcome.code();
  });
  if (code == kSkipped) GTEST_SKIP() << "PID namespaces are forbidden here";
  EXPECT_EQ(code, 6);
}

/// A cgroup below ours that may use 512 MiB (a sanitizer alone takes dozens), gone with this
/// object.
class SmallCgroup {
 public:
  SmallCgroup() {
    for (const bool v1 : {true, false}) {
      for (const auto& folder : CgroupFolders(v1 ? "memory" : "")) {
        path_ = folder.path / ("berth-test-" + std::to_string(::getpid()));
        if (::mkdir(path_.c_str(), 0755) != 0) continue;
        const char* limit = v1 ? "memory.limit_in_bytes" : "memory.max";
        if (fs::exists(path_ / limit) && WriteFile(path_ / limit, "536870912")) return;
        ::rmdir(path_.c_str());
      }
    }
    path_.clear();
  }
  SmallCgroup(const SmallCgroup&) = delete;
  SmallCgroup& operator=(const SmallCgroup&) = delete;
  ~SmallCgroup() {
    if (!path_.empty()) ::rmdir(path_.c_str());
  }
  bool ok() const { return !path_.empty(); }
  bool Enter() const { return bool{WriteFile(path_ / "cgroup.procs", "0")}; }

 private:
  fs::path path_;
};

TEST(OutOfMemory, IsToldFromOtherKills) {
  const SmallCgroup cgroup;
  if (!cgroup.ok()) GTEST_SKIP() << "no cgroup with a memory controller can be made here";
  const int code = InFork([&] {
    if (!cgroup.Enter()) return kSkipped;
    // It reads one endless line into memory, and is to be the victim whatever our own size is.
    const std::string hog = "echo 1000 >/proc/self/oom_score_adj && exec tail /dev/zero";
    const auto direct = RunShell(hog);
    if (direct.outcome.signal != SIGKILL || !direct.outcome.out_of_memory) return 1;
    const auto below = RunShell("(" + hog + "); exit $?");
    if (below.outcome.exit_code != 137 || !below.outcome.out_of_memory) return 2;
    const auto other = RunShell("kill -9 $$");
    return other.outcome.signal == SIGKILL && !other.outcome.out_of_memory ? 0 : 3;
  });
  if (code == kSkipped) GTEST_SKIP() << "the cgroup cannot be entered";
  EXPECT_EQ(code, 0);
}

/// Runs `script` supervised in the foreground of a new terminal, under a process that stands for
/// its shell, and types `keys` once `prompt` appears. Returns all that the terminal showed, and
/// the shell's word on how it ended.
std::string OnTerminal(const std::string& script, const std::string& prompt,
                       const std::string& keys) {
  int master = -1;
  const pid_t shell = ::forkpty(&master, nullptr, nullptr, nullptr);
  if (shell == 0) {
    ::signal(SIGTTOU, SIG_IGN);
    const pid_t job = ::fork();
    if (job == 0) {
      ::setpgid(0, 0);
      ::tcsetpgrp(0, ::getpgrp());
      ::signal(SIGTTOU, SIG_DFL);
      const auto outcome = Supervise({{"/bin/sh", "-c", script}, CurrentVariables(), {}}, {});
      const bool back = ::tcgetpgrp(0) == ::getpgrp();
      ::_exit(!back ? 98 : outcome ? outcome->code() : 99);
    }
    int status = 0;
    while (::waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status)) {
      ::dprintf(1, "[stopped]\n");
      ::tcsetpgrp(0, job);
      ::kill(-job, SIGCONT);
    }
    ::dprintf(1, "[ended %d]\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    ::tcdrain(1);
    ::_exit(0);
  }
  std::string shown;
  bool typed = false;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(master, buffer, sizeof buffer)) > 0;) {
    shown.append(buffer, static_cast<size_t>(n));
    if (typed || shown.find(prompt) == std::string::npos) continue;
    typed = ::write(master, keys.data(), keys.size()) > 0;
  }
  ::close(master);
  ::waitpid(shell, nullptr, 0);
  return shown;
}

TEST(OnTerminal, ACommandThatReadsItGetsIt) {
  const std::string shown =
      OnTerminal("printf 'name? '; read name; echo \"[hello $name]\"; exit 3", "name? ", "ada\n");
  EXPECT_NE(shown.find("[hello ada]"), std::string::npos) << shown;
  EXPECT_NE(shown.find("[ended 3]"), std::string::npos) << shown;
}

TEST(OnTerminal, CtrlCIsForwardedToACommandThatDoesNot) {
  const std::string shown =
      OnTerminal("trap 'echo [bye]; exit 4' INT; echo [ready]; sleep 60 & wait", "[ready]", "\x03");
  EXPECT_NE(shown.find("[bye]"), std::string::npos) << shown;
  EXPECT_NE(shown.find("[ended 4]"), std::string::npos) << shown;
}

TEST(OnTerminal, CtrlZStopsBothAndBothGoOn) {
  const std::string shown =
      OnTerminal("trap 'echo [on]; exit 5' CONT; echo [ready]; while :; do sleep 60 & wait; done",
                 "[ready]", "\x1a");
  EXPECT_NE(shown.find("[stopped]"), std::string::npos) << shown;
  EXPECT_NE(shown.find("[on]"), std::string::npos) << shown;
  EXPECT_NE(shown.find("[ended 5]"), std::string::npos) << shown;
}

}  // namespace
}  // namespace berth::process
