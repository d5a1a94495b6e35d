// RankHost and `berth rank` together: each rank is a process that a fork of the test runs.
#include "ranks/rank_host.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <thread>

#include "core/descriptor.h"
#include "core/files.h"
#include "core/text.h"
#include "ranks/run_rank.h"
#include "ranks/socket.h"

namespace berth::ranks {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// Nothing here takes this long; a test that hangs ends with it.
constexpr std::chrono::seconds kPatience{60};

std::string Contents(int fd) {
  std::string text(static_cast<size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  EXPECT_EQ(::pread(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return text;
}

/// A host of ranks that run a shell script.
class Job {
 public:
  explicit Job(const std::string& script, int ranks = 1, RankHostOptions options = {})
      : ranks_(ranks) {
    ::signal(SIGPIPE, SIG_IGN);
    loop_ = *EventLoop::Make();
    static int jobs = 0;
    options.socket_name = name_ = fmt::format("berth-ranks-test-{}-{}", ::getpid(), ++jobs);
    options.host = "algo-2";
    if (options.program.argv.empty()) options.program.argv = {"/bin/sh", "-c", script};
    options.several = ranks > 1;
    if (options.output_fd == 1) options.output_fd = output_.get();
    if (options.error_fd == 2) options.error_fd = error_.get();
    RankHostEvents events;
    events.started = [this](int rank) { started.push_back(rank); };
    events.output = [this](int rank, std::string_view bytes) { said[rank] += bytes; };
    events.ended = [this](const RankEnd& end) { ends.push_back(end); };
    auto host = RankHost::Open(*loop_, std::move(options), std::move(events));
    EXPECT_TRUE(host) << host.error().message();
    host_ = *std::move(host);
  }

  ~Job() {
    host_.reset();
    for (const pid_t pid : wrappers) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }

  process::Variables VariablesOf(int rank) const {
    process::Variables variables = process::CurrentVariables();
    variables["RANK"] = std::to_string(rank);
    variables["LOCAL_RANK"] = std::to_string(rank);
    variables["WORLD_SIZE"] = std::to_string(ranks_);
    variables[kSocketVariable] = name_;
    for (const auto& [name, value] : extra) variables[name] = value;
    return variables;
  }

  /// Of the child of a fork: as if it had been started by a launcher.
  [[noreturn]] void BecomeRank(int rank) const {
    ::signal(SIGPIPE, SIG_DFL);
    ::close_range(3, ~0U, 0);
    ::_exit(RunRank(VariablesOf(rank)));
  }

  pid_t Start(int rank) {
    const pid_t pid = ::fork();
    if (pid == 0) BecomeRank(rank);
    wrappers.push_back(pid);
    return pid;
  }
  void StartAll() {
    for (int rank = 0; rank < ranks_; ++rank) Start(rank);
  }

  void Until(const std::function<bool()>& holds) {
    const auto deadline = EventLoop::Clock::now() + kPatience;
    while (!holds()) {
      if (EventLoop::Clock::now() > deadline) {
        ADD_FAILURE() << "did not come about";
        return;
      }
      loop_->WaitAndRun(milliseconds(20));
    }
  }
  void UntilEnded(size_t count) {
    Until([&] { return ends.size() >= count; });
  }
  void UntilSaid(int rank, const std::string& text) {
    Until([&] { return said[rank].find(text) != std::string::npos; });
  }
  void UntilIdle() {
    Until([&] { return host_->idle(); });
  }

  /// How the launcher would see the rank's end: 128 + the signal.
  int Reap(pid_t pid) {
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    std::erase(wrappers, pid);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  RankHost& host() { return *host_; }
  void DropHost() { host_.reset(); }
  const std::string& name() const { return name_; }
  std::string output() const { return Contents(output_.get()); }
  std::string error() const { return Contents(error_.get()); }

  process::Variables extra;
  std::vector<int> started;
  std::map<int, std::string> said;
  std::vector<RankEnd> ends;
  std::vector<pid_t> wrappers;

 private:
  const int ranks_;
  std::string name_;
  const Descriptor output_{::memfd_create("output", MFD_CLOEXEC)};
  const Descriptor error_{::memfd_create("error", MFD_CLOEXEC)};
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<RankHost> host_;
};

bool Alive(pid_t pid) {
  const auto status = ReadFile(fmt::format("/proc/{}/stat", pid));
  return status && status->find(") Z ") == std::string::npos;
}

size_t OpenDescriptors() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), ::closedir);
  size_t count = 0;
  while (::readdir(folder.get()) != nullptr) ++count;
  return count;
}

// --- output -----------------------------------------------------------------------------------

TEST(RankOutput, OfOneRankPassesAsItIs) {
  Job job("printf 'a\\r\\nb\\000\\377'; printf 'err' >&2");
  job.StartAll();
  job.UntilEnded(1);
  EXPECT_EQ(job.output(), std::string("a\r\nb\0\xff", 6));
  EXPECT_EQ(job.error(), "err");
  EXPECT_EQ(job.said[0].size(), 9);
  EXPECT_TRUE(job.host().idle());
}

TEST(RankOutput, OfSeveralHasThePrefixAndKeepsItsPlace) {
  Job job("echo out $RANK; printf 'err\\000\\377 %s' $RANK >&2", 2);
  job.Start(1);
  job.UntilEnded(1);
  job.Start(0);
  job.UntilEnded(2);
  EXPECT_EQ(job.output(), "[1, algo-2] out 1\n[0, algo-2] out 0\n");
  // A last line without a newline gets one: the next rank's stands on its own.
  EXPECT_EQ(job.error(), std::string("[1, algo-2] err\0\xff 1\n[0, algo-2] err\0\xff 0\n", 40));
  ASSERT_THAT(job.ends, SizeIs(2));
  EXPECT_EQ(job.ends[0].error_tail, std::string("err\0\xff 1", 7));
  EXPECT_EQ(job.ends[0].output_tail, "out 1\n");
}

TEST(RankOutput, IntoOneFileKeepsItsOrder) {
  const Descriptor both(::memfd_create("both", MFD_CLOEXEC));
  RankHostOptions options;
  options.output_fd = options.error_fd = both.get();
  Job job("echo 1; echo 2 >&2; echo 3; echo 4 >&2", 2, std::move(options));
  job.Start(0);
  job.UntilEnded(1);
  EXPECT_EQ(Contents(both.get()), "[0, algo-2] 1\n[0, algo-2] 2\n[0, algo-2] 3\n[0, algo-2] 4\n");
  EXPECT_EQ(job.ends[0].error_tail, "1\n2\n3\n4\n");
  EXPECT_EQ(job.ends[0].output_tail, "");
}

TEST(RankOutput, LinesOfManyRanksStayWhole) {
  constexpr int kRanks = 16;
  constexpr int kLines = 3000;
  Job job(
      "exec awk 'BEGIN { x = \"\"; for (i = 0; i < 3000; ++i) { if (i % 100 == 0) x = x \"=\" "
      "\"-----\"; print ENVIRON[\"RANK\"], i, x, \"end\" } }'",
      kRanks);
  job.StartAll();
  job.UntilEnded(kRanks);
  std::map<int, int> next;
  for (const std::string& line : Split(job.output(), '\n')) {
    if (line.empty()) continue;
    int rank = -1, again = -2, number = -1;
    ASSERT_EQ(std::sscanf(line.c_str(), "[%d, algo-2] %d %d ", &rank, &again, &number), 3) << line;
    ASSERT_EQ(rank, again) << line;
    ASSERT_EQ(number, next[rank]++) << line;
    std::string bar;
    for (int i = 0; i <= number / 100; ++i) bar += "=-----";
    ASSERT_THAT(line, EndsWith(" " + bar + " end"));
  }
  for (int rank = 0; rank < kRanks; ++rank) EXPECT_EQ(next[rank], kLines);
}

TEST(RankOutput, AVeryLongLineIsPassedOnInPieces) {
  const size_t size = kLongestLine * 2 + 10;
  Job job(fmt::format("head -c {} /dev/zero | tr '\\0' x; echo; echo next", size), 2);
  job.Start(0);
  job.UntilEnded(1);
  const std::string prefix = "[0, algo-2] ";
  EXPECT_TRUE(job.output() == prefix + std::string(kLongestLine, 'x') + "\n" + prefix +
                                  std::string(kLongestLine, 'x') + "\n" + prefix + "xxxxxxxxxx\n" +
                                  prefix + "next\n");
}

TEST(RankOutput, ALineOfJustTheLongestIsOne) {
  Job job(fmt::format("head -c {} /dev/zero | tr '\\0' x; echo", kLongestLine), 2);
  job.Start(0);
  job.UntilEnded(1);
  EXPECT_TRUE(job.output() == "[0, algo-2] " + std::string(kLongestLine, 'x') + "\n");
}

TEST(RankOutput, WaitsForAReaderWhoStandsStillAndLosesNothing) {
  for (const int ranks : {1, 4}) {
    auto pipe = MakePipe();
    ASSERT_TRUE(pipe);
    RankHostOptions options;
    options.output_fd = pipe->write.get();
    Job job(
        "exec awk 'BEGIN { for (i = 0; i < 20000; ++i) print \"line\", i, \"of\", "
        "ENVIRON[\"RANK\"] }'",
        ranks, std::move(options));
    job.StartAll();
    job.Until([&] { return job.host().blocked(); });
    EXPECT_FALSE(job.host().idle());
    ASSERT_TRUE(SetNonBlocking(pipe->read.get(), true));
    std::string all;
    std::array<char, 4096> buffer{};
    job.Until([&] {
      const ssize_t n = ::read(pipe->read.get(), buffer.data(), buffer.size());
      if (n > 0) all.append(buffer.data(), static_cast<size_t>(n));
      return n <= 0 && job.host().idle();
    });
    ASSERT_THAT(job.ends, SizeIs(ranks));
    std::vector<int> next(static_cast<size_t>(ranks));
    for (const std::string& line : Split(all, '\n')) {
      if (line.empty()) continue;
      const size_t text = line.find("line ");
      ASSERT_EQ(text, ranks == 1 ? 0 : 12) << line;
      int number = -1, rank = -1;
      ASSERT_EQ(std::sscanf(line.c_str() + text, "line %d of %d", &number, &rank), 2) << line;
      ASSERT_EQ(number, next.at(static_cast<size_t>(rank))++);
    }
    EXPECT_THAT(next, ::testing::Each(20000));
    EXPECT_FALSE(job.host().output_lost());
  }
}

TEST(RankOutput, TheEndIsToldAndItsTailCompleteWhileTheReaderStandsStill) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe);
  RankHostOptions options;
  options.output_fd = options.error_fd = pipe->write.get();
  Job job("head -c 150000 /dev/zero; echo the last words >&2; exit 3", 2, std::move(options));
  job.Start(0);
  job.UntilEnded(1);
  EXPECT_EQ(job.ends[0].exit_code, 3);
  EXPECT_THAT(job.ends[0].error_tail, EndsWith("the last words\n"));
  EXPECT_FALSE(job.host().idle());
  job.host().Abandon();
  EXPECT_TRUE(job.host().idle());
  EXPECT_TRUE(job.host().output_lost());
}

TEST(RankOutput, GoesOnWhenItsReaderHasGone) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe);
  pipe->read.Close();
  RankHostOptions options;
  options.output_fd = pipe->write.get();
  Job job("head -c 3000000 /dev/zero && echo done >&2", 1, std::move(options));
  job.Start(0);
  job.UntilEnded(1);
  EXPECT_EQ(job.ends[0].exit_code, 0);
  EXPECT_EQ(job.error(), "done\n");
  EXPECT_TRUE(job.host().output_lost());
}

// --- ends -------------------------------------------------------------------------------------

TEST(RankEnds, EveryExitCodeReachesTheHostAndTheLauncher) {
  for (const int code : {0, 1, 2, 77, 126, 127, 137, 255}) {
    Job job(fmt::format("echo said; exit {}", code));
    const pid_t wrapper = job.Start(0);
    job.UntilEnded(1);
    EXPECT_EQ(job.ends[0].exit_code, code);
    EXPECT_EQ(job.ends[0].signal, 0);
    EXPECT_EQ(job.ends[0].output_tail, "said\n");
    EXPECT_EQ(job.Reap(wrapper), code);
    EXPECT_THAT(job.started, ElementsAre(0));
  }
}

TEST(RankEnds, BySignalIsTheSameForHostAndLauncher) {
  for (const int signal : {SIGTERM, SIGKILL, SIGSEGV, SIGABRT, SIGUSR1}) {
    Job job(fmt::format("kill -{} $$", signal));
    const pid_t wrapper = job.Start(0);
    job.UntilEnded(1);
    EXPECT_EQ(job.ends[0].signal, signal);
    EXPECT_EQ(job.Reap(wrapper), 128 + signal);
  }
}

TEST(RankEnds, AProgramThatIsNotThere) {
  RankHostOptions options;
  options.program.argv = {"no-such-program-anywhere"};
  Job job("", 1, std::move(options));
  const pid_t wrapper = job.Start(0);
  job.UntilEnded(1);
  EXPECT_EQ(job.ends[0].exit_code, 127);
  EXPECT_EQ(job.ends[0].pid, -1);
  EXPECT_THAT(job.ends[0].start_error, HasSubstr("no-such-program-anywhere"));
  EXPECT_THAT(job.started, SizeIs(0));
  EXPECT_EQ(job.Reap(wrapper), 127);
}

TEST(RankEnds, AKilledWrapperTakesItsRankAlong) {
  Job job("sleep 600 & echo $$ $!; wait");
  const pid_t wrapper = job.Start(0);
  job.UntilSaid(0, "\n");
  job.Until([&] { return !job.started.empty(); });
  pid_t rank = 0, child = 0;
  ASSERT_EQ(std::sscanf(job.said[0].c_str(), "%d %d", &rank, &child), 2);
  ::kill(wrapper, SIGKILL);
  job.UntilEnded(1);
  EXPECT_EQ(job.ends[0].signal, SIGKILL);
  EXPECT_TRUE(job.ends[0].wrapper_killed);
  EXPECT_EQ(job.ends[0].pid, rank);
  job.Until([&] { return !Alive(rank) && !Alive(child); });
}

// The launcher ended the others of a host, or of others, before those had written their stacks.
TEST(RankEnds, IsHeldBackFromTheLauncherWhileStacksAreWritten) {
  Job job("trap 'exit 3' ABRT; echo ready; while :; do sleep 0.01; done");
  const pid_t wrapper = job.Start(0);
  job.UntilSaid(0, "ready");
  job.Until([&] { return !job.started.empty(); });
  job.host().DumpStacks();
  job.UntilEnded(1);
  EXPECT_EQ(job.ends[0].exit_code, 3);
  int status = 0;
  EXPECT_EQ(::waitpid(wrapper, &status, WNOHANG), 0) << status;
  job.Until([&] { return ::waitpid(wrapper, &status, WNOHANG) == wrapper; });
  std::erase(job.wrappers, wrapper);
  EXPECT_EQ(WEXITSTATUS(status), 3);
}

TEST(RankEnds, TheHostsEndIsTheRanks) {
  // The shell would say that its sleep was terminated, and nobody reads that any more.
  Job job("trap 'exit 9' TERM; echo up; exec 2> /dev/null; while :; do sleep 0.01; done");
  const pid_t wrapper = job.Start(0);
  job.UntilSaid(0, "up");
  job.DropHost();
  EXPECT_EQ(job.Reap(wrapper), 9);
}

TEST(RankEnds, ARankThatIgnoresSigtermIsKilledWhenItsHostIsGone) {
  Job job("trap '' TERM; echo up; while :; do sleep 0.01; done");
  const pid_t wrapper = job.Start(0);
  job.UntilSaid(0, "up");
  job.DropHost();
  EXPECT_EQ(job.Reap(wrapper), 128 + SIGKILL);
}

TEST(RankEnds, TheLaunchersEndIsTheRanks) {
  Job job("echo up; exec sleep 600");
  const pid_t launcher = ::fork();
  if (launcher == 0) {
    if (::fork() == 0) job.BecomeRank(0);
    ::pause();
  }
  job.UntilSaid(0, "up");
  ::kill(launcher, SIGKILL);
  job.Reap(launcher);
  job.UntilEnded(1);
  EXPECT_EQ(job.ends[0].signal, SIGTERM);
}

// Open MPI starts ranks from threads of its own; the kernel's signal comes at the thread's end.
TEST(RankEnds, ALaunchersThreadMayEnd) {
  Job job("echo up; read word < $FIFO; echo $word");
  const auto folder = TemporaryDirectory::Make("berth-test");
  ASSERT_TRUE(folder);
  const std::string fifo = folder->path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  job.extra["FIFO"] = fifo;
  std::thread([&] { job.Start(0); }).join();
  job.UntilSaid(0, "up");
  const Descriptor end(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(WriteAll(end.get(), "on\n", 3));
  job.UntilEnded(1);
  EXPECT_EQ(job.ends[0].exit_code, 0);
  EXPECT_EQ(job.output(), "up\non\n");
}

TEST(RankEnds, WhatARankLeavesBehindGoesOnAndIsRead) {
  Job job("(read word < $FIFO; echo later) & echo now", 2);
  const auto folder = TemporaryDirectory::Make("berth-test");
  ASSERT_TRUE(folder);
  const std::string fifo = folder->path() / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  job.extra["FIFO"] = fifo;
  const pid_t wrapper = job.Start(0);
  job.UntilEnded(1);
  EXPECT_EQ(job.Reap(wrapper), 0);
  EXPECT_TRUE(job.host().idle());
  EXPECT_EQ(job.output(), "[0, algo-2] now\n");
  {
    const Descriptor end(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
  }
  job.UntilSaid(0, "later");
  job.UntilIdle();
  EXPECT_EQ(job.output(), "[0, algo-2] now\n[0, algo-2] later\n");
}

TEST(RankEnds, ManyRanksInARowLeaveNothing) {
  Job job("echo $RANK; exit 1", 2);
  const auto run = [&](int rank) {
    const pid_t wrapper = job.Start(rank);
    const size_t before = job.ends.size();
    job.UntilEnded(before + 1);
    EXPECT_EQ(job.ends.back().output_tail, fmt::format("{}\n", rank));
    EXPECT_EQ(job.Reap(wrapper), 1);
  };
  for (int i = 0; i < 5; ++i) run(i);
  const size_t descriptors = OpenDescriptors();
  for (int i = 0; i < 200; ++i) run(i);
  EXPECT_LE(OpenDescriptors(), descriptors + 8);
  EXPECT_EQ(job.host().running(), 0);
}

TEST(RankEnds, TheErrorFileIsTold) {
  const auto folder = TemporaryDirectory::Make("berth-test");
  ASSERT_TRUE(folder);
  Job job("exit $CODE");
  job.extra["TORCHELASTIC_ERROR_FILE"] = folder->path() / "error.json";
  ASSERT_TRUE(WriteFile(folder->path() / "error.json",
                        R"({"message": {"message": "ValueError: x", "extraInfo":
                            {"py_callstack": "Traceback\n  File\nValueError: x\n"}}})"));
  job.extra["CODE"] = "1";
  job.Start(0);
  job.UntilEnded(1);
  EXPECT_EQ(job.ends[0].reported, "Traceback\n  File\nValueError: x");
  job.extra["CODE"] = "0";
  job.Start(0);
  job.UntilEnded(2);
  EXPECT_EQ(job.ends[1].reported, "");
}

// --- signals ----------------------------------------------------------------------------------

TEST(RankSignals, ReachEveryProcessOfARank) {
  Job job(
      "trap 'echo got' USR1; (trap 'exit 0' USR1; echo up; while :; do sleep 0.01; done) & "
      "wait; wait; exit 4");
  job.Start(0);
  job.UntilSaid(0, "up");
  job.host().Signal(SIGUSR1);
  job.UntilEnded(1);
  EXPECT_EQ(job.ends[0].exit_code, 4);
  EXPECT_EQ(job.output(), "up\ngot\n");
}

TEST(RankSignals, SigkillEndsAStoppedRankThatIgnoresSigterm) {
  Job job("trap '' TERM; echo up; kill -STOP $$; sleep 600", 2);
  job.StartAll();
  job.UntilSaid(0, "up");
  job.UntilSaid(1, "up");
  job.host().Signal(SIGTERM);
  EXPECT_EQ(job.host().running(), 2);
  job.host().Signal(SIGKILL);
  job.UntilEnded(2);
  EXPECT_EQ(job.ends[0].signal, SIGKILL);
}

TEST(RankSignals, ALaunchersSignalIsPassedOn) {
  Job job("trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done");
  const pid_t wrapper = job.Start(0);
  job.UntilSaid(0, "up");
  ::kill(wrapper, SIGTERM);
  EXPECT_EQ(job.Reap(wrapper), 7);
}

// --- strangers --------------------------------------------------------------------------------

/// Whether the host hangs up.
bool HangsUp(Job& job, int socket) {
  bool gone = false;
  job.Until([&] {
    char byte = 0;
    const ssize_t n = ::recv(socket, &byte, 1, MSG_DONTWAIT);
    gone = n == 0 || (n < 0 && errno != EAGAIN);
    return gone;
  });
  return gone;
}

TEST(RankStrangers, WhoSaysSomethingElseIsCutOff) {
  Job job("echo fine");
  for (const std::string& words :
       {std::string("GET / HTTP/1.1"), std::string("hello\0x\0", 8), std::string("started\0", 8)}) {
    const auto socket = ConnectTo(job.name());
    ASSERT_TRUE(socket);
    ASSERT_TRUE(SendPacket(socket->get(), words));
    EXPECT_TRUE(HangsUp(job, socket->get()));
  }
  job.Start(0);
  job.UntilEnded(1);
  EXPECT_EQ(job.output(), "fine\n");
}

TEST(RankStrangers, AnotherUserIsTurnedAway) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
  Job job("echo fine");
  auto told = MakePipe();
  ASSERT_TRUE(told);
  const pid_t stranger = ::fork();
  if (stranger == 0) {
    if (::setresuid(65534, 65534, 65534) != 0) ::_exit(1);
    auto socket = ConnectTo(job.name());
    if (!socket) ::_exit(2);
    // It would not take its orders from us either.
    if (PeerOfOurUser(socket->get())) ::_exit(3);
    (void)SendPacket(socket->get(), std::string("hello\0000\0000\0001\0", 12));
    char bytes[64];
    ::_exit(::recv(socket->get(), bytes, sizeof bytes, 0) <= 0 ? 0 : 4);
  }
  job.wrappers.push_back(stranger);
  int status = -1;
  job.Until([&] { return ::waitpid(stranger, &status, WNOHANG) == stranger; });
  std::erase(job.wrappers, stranger);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(job.host().running(), 0);
}

TEST(RankStrangers, ANameIsTakenOnce) {
  Job job("true");
  auto loop = EventLoop::Make();
  RankHostOptions options;
  options.socket_name = job.name();
  options.program.argv = {"true"};
  const auto second = RankHost::Open(**loop, options, {});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message(),
            fmt::format("cannot listen at the socket \"@{}\": Address already in use", job.name()));
}

}  // namespace
}  // namespace berth::ranks
