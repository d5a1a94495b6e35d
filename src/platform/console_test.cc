#include "platform/console.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>

#include "core/descriptor.h"

namespace berth::platform {
namespace {

class ConsoleTest : public testing::Test {
 protected:
  std::string Written() {
    std::string text(1 << 20, '\0');
    EXPECT_TRUE(SetNonBlocking(pipe_->read.get(), true));
    const ssize_t n = ::read(pipe_->read.get(), text.data(), text.size());
    text.resize(n > 0 ? static_cast<size_t>(n) : 0);
    return text;
  }

  Result<Pipe> pipe_ = MakePipe();
  const Terminal live_{.live = true, .width = 20};
};

TEST_F(ConsoleTest, PassesTheLogByteForByte) {
  Console console(pipe_->write.get(), {});
  console.Log(std::string_view("a\0\xff\r\n", 5));
  console.ShowStatus("status");
  console.Log("b");
  console.MakeRoom();
  EXPECT_EQ(Written(), std::string("a\0\xff\r\nb", 6));
}

TEST_F(ConsoleTest, KeepsTheStatusBelowWholeLines) {
  Console console(pipe_->write.get(), live_);
  console.Log("one\n");
  console.ShowStatus("status");
  console.ShowStatus("status");  // nothing new, nothing drawn
  console.Log("two");
  console.ShowStatus("status");  // not in the middle of a line
  console.Log("\n");
  EXPECT_EQ(Written(), "one\n\r\x1b[2Kstatus\r\x1b[2Ktwo\n");
}

TEST_F(ConsoleTest, EndsAnOpenLineBeforeAMessage) {
  Console console(pipe_->write.get(), live_);
  console.Log("progress");
  console.MakeRoom();
  console.MakeRoom();
  EXPECT_EQ(Written(), "progress\n");
}

TEST_F(ConsoleTest, NeverWaitsForASlowReader) {
  Console console(pipe_->write.get(), {});
  const std::string block(1 << 20, 'x');
  console.Log(block);
  EXPECT_TRUE(console.pending());
  size_t read = Written().size();
  while (console.pending()) {
    console.Flush();
    read += Written().size();
  }
  EXPECT_EQ(read, block.size());
}

TEST_F(ConsoleTest, GoesOnWithoutAReader) {
  ::signal(SIGPIPE, SIG_IGN);
  Console console(pipe_->write.get(), {});
  pipe_->read.Close();
  console.Log("a");
  console.Log("b");
  EXPECT_FALSE(console.pending());
  ::signal(SIGPIPE, SIG_DFL);
}

TEST(Columns, AreCountedInCharacters) {
  EXPECT_EQ(CutToColumns("abc", 2), "ab");
  EXPECT_EQ(CutToColumns("é…x", 2), "é…");
  EXPECT_EQ(CutToColumns("abc", 3), "abc");
}

TEST(Terminal, IsPlainWhereItIsNoTerminal) {
  const Descriptor nothing(::open("/dev/null", O_WRONLY));
  const Terminal terminal =
      DetectTerminal(nothing.get(), {{"TERM", "xterm"}, {"LANG", "de_DE.UTF-8"}});
  EXPECT_FALSE(terminal.live);
  EXPECT_FALSE(terminal.color);
  EXPECT_TRUE(terminal.unicode);
  EXPECT_EQ(terminal.width, 80);
}

TEST(Terminal, TakesTheLocaleThatWins) {
  EXPECT_FALSE(DetectTerminal(0, {{"LC_ALL", "C"}, {"LANG", "de_DE.UTF-8"}}).unicode);
  EXPECT_TRUE(DetectTerminal(0, {{"LC_ALL", ""}, {"LC_CTYPE", "C.utf8"}}).unicode);
  EXPECT_FALSE(DetectTerminal(0, {}).unicode);
}

}  // namespace
}  // namespace berth::platform
