// What the command prints, on its way to where it goes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <string>

#include "core/files.h"
#include "process/supervisor.h"
#include "process/testing/run.h"

namespace berth::process {
namespace {

using std::chrono::milliseconds;
using testing::InFork;
using testing::RunShell;

TEST(Output, AMillionShortLinesArriveInOrder) {
  std::string expected;
  for (int i = 1; i <= 1'000'000; ++i) expected += std::to_string(i) + "\n";
  const auto ran = RunShell("seq 1 1000000");
  EXPECT_TRUE(ran.output == expected);
  EXPECT_EQ(ran.outcome.output_tail, expected.substr(expected.size() - 16 * 1024));
}

TEST(Output, BothStreamsAndEveryByteArrive) {
  const auto ran = RunShell("printf 'a\\000\\377\\r\\n'; printf 'x\\0y' >&2; exit 1");
  EXPECT_EQ(ran.output, std::string("a\0\377\r\n", 5));
  EXPECT_EQ(ran.error, std::string("x\0y", 3));
  EXPECT_EQ(ran.outcome.output_tail, ran.output);
  EXPECT_EQ(ran.outcome.error_tail, ran.error);
}

TEST(Output, WhereBothStreamsAreOneFileTheirOrderIsKept) {
  const Descriptor file = testing::MemoryFile();
  const Descriptor again(::dup(file.get()));
  SuperviseOptions options;
  options.output_fd = file.get();
  options.error_fd = again.get();
  const auto outcome = Supervise(
      {{"/bin/sh", "-c", "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo o$i; echo e$i >&2; done"},
       CurrentVariables(),
       {}},
      options);
  ASSERT_TRUE(outcome);
  std::string expected;
  for (int i = 1; i <= 2000; ++i) {
    expected += "o" + std::to_string(i) + "\ne" + std::to_string(i) + "\n";
  }
  EXPECT_TRUE(testing::Contents(file.get()) == expected);
  EXPECT_EQ(outcome->output_tail, "");
  EXPECT_EQ(outcome->error_tail, expected.substr(expected.size() - 16 * 1024));
}

TEST(Output, OneLineOf200MegabytesTakesNoMemory) {
  EXPECT_EQ(InFork([] {
              const Descriptor null(::open("/dev/null", O_WRONLY));
              SuperviseOptions options;
              options.output_fd = null.get();
              size_t seen = 0;
              options.observer = [&](Stream, std::string_view bytes) { seen += bytes.size(); };
              rusage before{}, after{};
              ::getrusage(RUSAGE_SELF, &before);
              const auto outcome = Supervise(
                  {{"head", "-c", "200000000", "/dev/zero"}, CurrentVariables(), {}}, options);
              ::getrusage(RUSAGE_SELF, &after);
              if (!outcome || !outcome->ok() || seen != 200'000'000) return 1;
              if (outcome->output_tail != std::string(16 * 1024, '\0')) return 2;
              return after.ru_maxrss - before.ru_maxrss < 4096 ? 0 : 3;  // KiB
            }),
            0);
}

TEST(Output, AReaderThatWentAwayDoesNotEndTheCommand) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe);
  pipe->read.Close();
  SuperviseOptions options;
  options.output_fd = pipe->write.get();
  const auto outcome =
      Supervise({{"/bin/sh", "-c", "head -c 5000000 /dev/zero; echo; echo end; exit 4"},
                 CurrentVariables(),
                 {}},
                options);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->code(), 4);
  EXPECT_TRUE(outcome->output_lost);
  EXPECT_TRUE(outcome->output_tail.ends_with("\nend\n"));
  sigset_t pending;
  ::sigpending(&pending);
  EXPECT_EQ(::sigismember(&pending, SIGPIPE), 0);
}

TEST(Output, AFullDiskDoesNotEndTheCommand) {
  const Descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  if (!full) GTEST_SKIP() << "no /dev/full here";
  SuperviseOptions options;
  options.output_fd = full.get();
  const auto outcome =
      Supervise({{"/bin/sh", "-c", "seq 1 100000; exit 6"}, CurrentVariables(), {}}, options);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->code(), 6);
  EXPECT_TRUE(outcome->output_lost);
  EXPECT_TRUE(outcome->output_tail.ends_with("\n100000\n"));
}

/// Signals this process once the pipe holds something and has stopped filling: a child of ours.
pid_t SignalWhenFull(int pipe, int signal) {
  const pid_t us = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  const int capacity = ::fcntl(pipe, F_GETPIPE_SZ);
  for (int held = 0; held < capacity; ::usleep(1000)) {
    if (::ioctl(pipe, FIONREAD, &held) != 0) ::_exit(1);
  }
  ::kill(us, signal);
  ::_exit(0);
}

TEST(Output, AFullPipeDoesNotHoldUpAStop) {
  EXPECT_EQ(InFork([] {
              auto pipe = MakePipe();
              SuperviseOptions options;
              options.output_fd = pipe->write.get();
              options.grace = milliseconds(100);
              options.orphan_grace = milliseconds(100);
              bool stayed_blocking = true;
              options.observer = [&](Stream, std::string_view) {
                stayed_blocking &= (::fcntl(pipe->write.get(), F_GETFL) & O_NONBLOCK) == 0;
              };
              SignalWhenFull(pipe->read.get(), SIGTERM);
              const auto outcome = Supervise({{"yes"}, CurrentVariables(), {}}, options);
              if (!outcome || outcome->signal != SIGTERM) return 1;
              if (!outcome->output_lost || !stayed_blocking) return 2;
              return outcome->output_tail.size() == options.tail_bytes ? 0 : 3;
            }),
            0);
}

TEST(Output, AFullPipeDoesNotHoldUpTheDeadline) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe);
  SuperviseOptions options;
  options.output_fd = pipe->write.get();
  options.deadline = milliseconds(100);
  options.grace = milliseconds(50);
  options.orphan_grace = milliseconds(50);
  const auto outcome =
      Supervise({{"/bin/sh", "-c", "trap '' TERM; yes"}, CurrentVariables(), {}}, options);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->stopped_by, StoppedBy::kDeadline);
  EXPECT_TRUE(outcome->killed_after_grace);
}

/// Reads to the end in a child process, slowly at first; its exit code says whether it got `size`.
pid_t SlowReader(int fd, int other_end, size_t size) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::close(other_end);
  std::string buffer(size_t{64} << 10, '\0');
  size_t got = 0;
  for (;;) {
    if (got < 500'000) ::usleep(2000);
    const ssize_t n = ::read(fd, buffer.data(), got < 500'000 ? 10'000 : buffer.size());
    if (n <= 0) ::_exit(got == size ? 0 : 1);
    got += static_cast<size_t>(n);
  }
}

/// The reader is our child, so the supervisor may not reap it: another process supervises.
int RunInto(int fd, int other_end) {
  return InFork([&] {
    ::close(other_end);
    SuperviseOptions options;
    options.output_fd = fd;
    options.orphan_grace = milliseconds(1);
    const auto outcome =
        Supervise({{"head", "-c", "3000000", "/dev/zero"}, CurrentVariables(), {}}, options);
    return outcome && outcome->ok() && !outcome->output_lost ? 0 : 1;
  });
}

TEST(Output, ASlowReaderGetsAllOfItAfterTheEnd) {
  auto pipe = MakePipe();
  ASSERT_TRUE(pipe);
  const pid_t reader = SlowReader(pipe->read.get(), pipe->write.get(), 3'000'000);
  pipe->read.Close();
  EXPECT_EQ(RunInto(pipe->write.get(), pipe->write.get() + 1000), 0);
  pipe->write.Close();
  int status = 0;
  ASSERT_EQ(::waitpid(reader, &status, 0), reader);
  EXPECT_EQ(status, 0);
}

TEST(Output, ASocketGetsAllOfIt) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Descriptor ours(ends[0]);
  Descriptor theirs(ends[1]);
  const pid_t reader = SlowReader(theirs.get(), ours.get(), 3'000'000);
  EXPECT_EQ(RunInto(ours.get(), theirs.get()), 0);
  ours.Close();
  int status = 0;
  ASSERT_EQ(::waitpid(reader, &status, 0), reader);
  EXPECT_EQ(status, 0);
}

TEST(Output, ClosedStandardDescriptorsAreNoTrouble) {
  EXPECT_EQ(InFork([] {
              for (int fd = 0; fd < 3; ++fd) ::close(fd);
              const auto outcome = Supervise(
                  {{"/bin/sh", "-c", "read x; echo a; echo b >&2; exit 6"}, CurrentVariables(), {}},
                  {});
              if (!outcome || outcome->code() != 6) return 1;
              // The stand-ins are one file, so both streams share a pipe.
              if (outcome->error_tail != "a\nb\n") return 2;
              for (int fd = 0; fd < 3; ++fd) {
                if (::fcntl(fd, F_GETFD) >= 0) return 3;
              }
              return 0;
            }),
            0);
}

TEST(Output, APromptWithoutNewlineAppearsAtOnce) {
  SuperviseOptions options;
  options.observer = testing::WhenReady([] { ::raise(SIGTERM); });
  const auto ran = RunShell("printf ready; exec sleep 1000", options);
  EXPECT_EQ(ran.output, "ready");
  EXPECT_EQ(ran.outcome.signal, SIGTERM);
}

}  // namespace
}  // namespace berth::process
