// What the command is given, and why it may not start.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "core/files.h"
#include "process/supervisor.h"
#include "process/testing/run.h"

namespace berth::process {
namespace {

using testing::RunCommand;

class Start : public ::testing::Test {
 protected:
  Start() : folder_(TemporaryDirectory::Make("berth-test").value()) {}

  std::string File(const std::string& name, std::string_view bytes, mode_t mode = 0755) const {
    const std::string path = folder_.path() / name;
    EXPECT_TRUE(WriteFile(path, bytes));
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  std::string folder() const { return folder_.path(); }

 private:
  TemporaryDirectory folder_;
};

TEST_F(Start, ArgumentsArriveByteForByte) {
  std::string bytes;
  for (int c = 1; c < 256; ++c) bytes += static_cast<char>(c);
  std::vector<std::string> argv = {
      "/bin/sh", "-c", "cat /proc/$$/cmdline", "", bytes, "", "a b", "$x; *\n", "--", "-n", ""};
  argv.emplace_back(100'000, 'x');
  argv.emplace_back(100'000, '\n');
  std::string expected;
  for (const std::string& argument : argv) expected += argument + '\0';
  EXPECT_TRUE(RunCommand(argv).output == expected);
}

TEST_F(Start, TheEnvironmentIsTheCommandsAndNothingElse) {
  const Descriptor output = testing::MemoryFile();
  SuperviseOptions options;
  options.output_fd = output.get();
  const Variables variables = {{"A", "1=2"}, {"EMPTY", ""}, {"LINES", "a\nb"}, {"a.b", "\xff"}};
  ASSERT_TRUE(Supervise({{"/bin/cat", "/proc/self/environ"}, variables, {}}, options));
  const std::string expected("A=1=2\0EMPTY=\0LINES=a\nb\0a.b=\xff\0", 29);
  EXPECT_EQ(testing::Contents(output.get()), expected);
}

TEST_F(Start, CurrentVariablesAreOurs) {
  ASSERT_EQ(::setenv("BERTH_TEST_VARIABLE", "a=b\n", 1), 0);
  EXPECT_EQ(CurrentVariables().at("BERTH_TEST_VARIABLE"), "a=b\n");
  ::unsetenv("BERTH_TEST_VARIABLE");
}

TEST_F(Start, TheCommandLeadsAGroupOfItsOwn) {
  EXPECT_EQ(RunCommand({"/bin/sh", "-c", "read _ _ _ _ group _ </proc/$$/stat; [ $group = $$ ]"})
                .outcome.code(),
            0);
}

TEST_F(Start, ItsDirectoryIsWhereNamesWithASlashAreLookedFor) {
  File("here", "#!/bin/sh\npwd\n");
  EXPECT_EQ(RunCommand({"./here"}, {}, folder()).output, folder() + "\n");
}

TEST_F(Start, AScriptWithoutInterpreterLineIsTheShells) {
  const std::string path = File("script", "echo \"$0\" \"$@\"; exit 3\n");
  const auto ran = RunCommand({path, "a b", "-c"});
  EXPECT_EQ(ran.output, path + " a b -c\n");
  EXPECT_EQ(ran.outcome.code(), 3);
}

TEST_F(Start, AMissingProgramIsNamedWithWhereItWasLookedFor) {
  SuperviseOptions options;
  const auto outcome = Supervise({{"nosuch"}, {{"PATH", "/a:/b"}}, {}}, options);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->code(), 127);
  EXPECT_EQ(outcome->start_error,
            "cannot find \"nosuch\" on the PATH (/a:/b): install it or give its path");
}

TEST_F(Start, AMissingPathIsNamedWithItsDirectory) {
  const auto ran = RunCommand({"./nosuch"}, {}, folder());
  EXPECT_EQ(ran.outcome.code(), 127);
  EXPECT_EQ(ran.outcome.start_error, "cannot find \"./nosuch\" from the directory \"" + folder() +
                                         "\": No such file or directory");
}

TEST_F(Start, AMissingDirectoryIsNamed) {
  const auto ran = RunCommand({"true"}, {}, folder() + "/gone");
  EXPECT_EQ(ran.outcome.code(), 126);
  EXPECT_EQ(ran.outcome.start_error, "cannot run \"true\": cannot enter its working directory \"" +
                                         folder() + "/gone\": No such file or directory");
}

TEST_F(Start, AFileThatIsNotExecutableSaysWhatToDo) {
  const std::string path = File("plain", "#!/bin/sh\n", 0644);
  const auto ran = RunCommand({path});
  EXPECT_EQ(ran.outcome.code(), 126);
  EXPECT_EQ(ran.outcome.start_error,
            "cannot run \"" + path + "\": it is not executable: make it so with chmod +x");
}

TEST_F(Start, ADirectoryIsNoProgram) {
  const auto ran = RunCommand({folder()});
  EXPECT_EQ(ran.outcome.code(), 126);
  EXPECT_EQ(ran.outcome.start_error, "cannot run \"" + folder() + "\": it is a directory");
}

TEST_F(Start, AMissingInterpreterIsNamed) {
  const std::string path = File("script", "#! /no/such/python -u\n");
  const auto ran = RunCommand({path});
  EXPECT_EQ(ran.outcome.code(), 126);
  EXPECT_EQ(ran.outcome.start_error,
            "cannot run \"" + path +
                "\": its first line asks for the interpreter \"/no/such/python\", which is not "
                "there: install it or correct the line");
}

TEST_F(Start, AWindowsLineEndIsTold) {
  const std::string path = File("script", "#!/bin/sh\r\necho hi\r\n");
  const auto ran = RunCommand({path});
  EXPECT_EQ(ran.outcome.code(), 126);
  EXPECT_EQ(ran.outcome.start_error,
            "cannot run \"" + path +
                "\": its first line ends in a carriage return, as Windows editors write it: "
                "convert it with dos2unix");
}

TEST_F(Start, AProgramForAnotherMachineIsToldFromAScript) {
  std::string elf = ReadFile("/bin/true").value();
  elf[18] = static_cast<char>(243);  // e_machine: RISC-V
  elf[19] = 0;
  const std::string path = File("program", elf);
  const auto ran = RunCommand({path});
  EXPECT_EQ(ran.outcome.code(), 126);
  EXPECT_TRUE(ran.outcome.start_error.starts_with(
      "cannot run \"" + path + "\": it is a program for riscv, this machine is "))
      << ran.outcome.start_error;
}

TEST_F(Start, TooLongAnArgumentIsTold) {
  const auto ran = RunCommand({"/bin/true", std::string(200'000, 'x')});
  EXPECT_EQ(ran.outcome.code(), 126);
  EXPECT_TRUE(ran.outcome.start_error.starts_with(
      "cannot run \"/bin/true\": its arguments and environment take 2"))
      << ran.outcome.start_error;
}

TEST_F(Start, FindProgramGoesThroughThePath) {
  File("tool", "#!/bin/sh\n", 0644);
  const Variables only_plain = {{"PATH", folder()}};
  const auto plain = FindProgram("tool", only_plain);
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().message(),
            "\"" + folder() + "/tool\" is not executable: make it so with chmod +x");

  const std::string good = File("good", "#!/bin/sh\n");
  EXPECT_EQ(FindProgram("good", {{"PATH", "/nowhere:" + folder()}}).value(), good);
  EXPECT_EQ(FindProgram(good, {}).value(), good);

  const auto missing = FindProgram("nosuch", {{"PATH", "/a:/b"}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message(), "there is no program \"nosuch\" on the PATH (/a:/b)");
}

TEST_F(Start, CaptureGivesTheOutputAndKeepsItsDeadline) {
  const auto captured =
      Capture({{"/bin/sh", "-c", "echo out; echo err >&2; exit 2"}, {}, {}}, testing::kPatience);
  ASSERT_TRUE(captured);
  EXPECT_EQ(captured->output_tail, "out\n");
  EXPECT_EQ(captured->error_tail, "err\n");
  EXPECT_EQ(captured->code(), 2);

  const auto late = Capture({{"/bin/sh", "-c", "trap '' TERM; while :; do :; done"}, {}, {}},
                            std::chrono::milliseconds(50));
  ASSERT_TRUE(late);
  EXPECT_EQ(late->stopped_by, StoppedBy::kDeadline);
}

}  // namespace
}  // namespace berth::process
