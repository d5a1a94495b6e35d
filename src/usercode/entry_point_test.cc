#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/files.h"
#include "usercode/usercode.h"

namespace berth::usercode {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using Kind = EntryPointKind;

class EntryPoint : public ::testing::Test {
 protected:
  Source For(const std::string& name) const {
    return {.submit_directory = "", .entry_point = name, .code_directory = code};
  }

  void Write(const std::string& name, std::string_view content = "") const {
    ASSERT_TRUE(MakeDirectories((code / name).parent_path()));
    ASSERT_TRUE(WriteFile(code / name, content, 0644));
  }

  Kind KindOf(const std::string& name) const {
    const auto kind = Classify(For(name));
    EXPECT_TRUE(kind) << kind.error().message();
    return kind.value_or(Kind{});
  }

  std::string Failure(const std::string& name) const {
    const auto kind = Classify(For(name));
    EXPECT_FALSE(kind);
    return kind ? "" : kind.error().message();
  }

  std::vector<std::string> Argv(const std::string& name, Kind kind,
                                const std::vector<std::string>& arguments = {}) const {
    return EntryPointCommand(For(name), kind, "/usr/bin/python3", arguments, {}).argv;
  }

  TemporaryDirectory home = TemporaryDirectory::Make("berth-entry-point-test").value();
  fs::path code = home.path();
};

TEST_F(EntryPoint, PythonFileIsAScript) {
  for (const char* name :
       {"train.py", "sub/deep/train.py", "mit Leerzeichen.py", "größe.py", "-x.py"}) {
    Write(name);
    EXPECT_EQ(KindOf(name), Kind::kPythonScript) << name;
  }
}

TEST_F(EntryPoint, AnyOtherFileIsAProgram) {
  for (const char* name : {"run.sh", "train", "bin/main"}) {
    Write(name);
    EXPECT_EQ(KindOf(name), Kind::kProgram) << name;
  }
}

TEST_F(EntryPoint, DirectoryWithSetupPyIsAPackage) {
  Write("setup.py");
  Write("train.py");
  EXPECT_EQ(KindOf("train.py"), Kind::kPythonPackage);
  EXPECT_EQ(KindOf("some_module"), Kind::kPythonPackage);
}

TEST_F(EntryPoint, ShellScriptStaysAProgramBesideSetupPy) {
  Write("setup.py");
  Write("run.sh");
  EXPECT_EQ(KindOf("run.sh"), Kind::kProgram);
}

TEST_F(EntryPoint, PyprojectMakesAPackageOfWhatIsNoFile) {
  Write("pyproject.toml", "[build-system]\nrequires = [\"hatchling\"]\n");
  Write("train.py");
  fs::create_directory(code / "my_package");
  EXPECT_EQ(KindOf("my_package"), Kind::kPythonPackage);
  EXPECT_EQ(KindOf("installed_elsewhere"), Kind::kPythonPackage);
  EXPECT_EQ(KindOf("train.py"), Kind::kPythonScript);
}

TEST_F(EntryPoint, PyprojectThatOnlyConfiguresToolsMakesNone) {
  Write("pyproject.toml", "[tool.black]\nline-length = 100\n");
  EXPECT_THAT(Failure("my_package"), HasSubstr("entry point \"my_package\" is not in"));
}

TEST_F(EntryPoint, MissingOneListsTheFilesAndTheOneProbablyMeant) {
  Write("train.py");
  Write("utils/data.py");
  Write(".git/config");
  Write("utils/__pycache__/data.cpython-311.pyc");
  EXPECT_EQ(
      Failure("trian.py"),
      "entry point \"trian.py\" is not in \"" + code.string() +
          "\"; did you mean \"train.py\"? Files found there: \"train.py\", \"utils/data.py\"");
  EXPECT_THAT(Failure("data.py"), HasSubstr("did you mean \"utils/data.py\"?"));
  EXPECT_EQ(Failure("completely-different.sh"),
            "entry point \"completely-different.sh\" is not in \"" + code.string() +
                "\". Files found there: \"train.py\", \"utils/data.py\"");
}

TEST_F(EntryPoint, ListOfFilesIsBounded) {
  for (int i = 100; i < 150; ++i) Write("file" + std::to_string(i));
  EXPECT_THAT(Failure("zzz.py"), EndsWith("\"file119\" and 30 more"));
}

TEST_F(EntryPoint, EmptyCodeDirectorySaysWhatToSet) {
  EXPECT_EQ(Failure("train.py"),
            "entry point \"train.py\" is not in \"" + code.string() +
                "\", which holds no files: set sagemaker_submit_directory, or put the code there "
                "when the image is built");
  EXPECT_EQ(Failure(""),
            "there is no entry point: set the hyperparameter sagemaker_program or the variable "
            "SAGEMAKER_PROGRAM to the script to run, such as \"train.py\"");
}

TEST_F(EntryPoint, PathsOutOfTheCodeDirectoryAreRefused) {
  for (const char* name : {"/bin/sh", "../train.py", "a/../../b.py", "a/.."}) {
    EXPECT_EQ(Failure(name),
              "entry point \"" + std::string(name) +
                  "\" must be a path inside the code directory, such as \"train.py\" "
                  "or \"bin/train.sh\"");
  }
}

TEST_F(EntryPoint, LinkOutOfTheCodeDirectoryIsRefused) {
  fs::create_symlink("/bin/sh", code / "run");
  EXPECT_EQ(Failure("run"), "entry point \"run\" is a link that leads out of \"" + code.string() +
                                "\"; copy the file there");
}

TEST_F(EntryPoint, LinkInsideIsFollowed) {
  Write("v2/train.py");
  fs::create_symlink("v2/train.py", code / "train.py");
  EXPECT_EQ(KindOf("train.py"), Kind::kPythonScript);
}

TEST_F(EntryPoint, FolderAndFifoAreRefused) {
  fs::create_directory(code / "src");
  EXPECT_EQ(Failure("src"),
            "entry point \"src\" is a folder; name the file in it that is to run, "
            "such as \"src/train.py\"");
  ASSERT_EQ(::mkfifo((code / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(Failure("fifo"), "entry point \"fifo\" is not a file");
}

TEST_F(EntryPoint, ScriptIsRunByPython) {
  EXPECT_THAT(Argv("sub/mit Leer.py", Kind::kPythonScript, {"--a", "b c", "$X;'"}),
              ElementsAre("/usr/bin/python3", "sub/mit Leer.py", "--a", "b c", "$X;'"));
}

TEST_F(EntryPoint, LeadingDashIsNotAnOptionOfPython) {
  EXPECT_THAT(Argv("-x.py", Kind::kPythonScript), ElementsAre("/usr/bin/python3", "./-x.py"));
}

TEST_F(EntryPoint, PackageIsRunAsAModule) {
  EXPECT_THAT(Argv("train.py", Kind::kPythonPackage, {"-e", "1"}),
              ElementsAre("/usr/bin/python3", "-m", "train", "-e", "1"));
  EXPECT_THAT(Argv("pkg/train.py", Kind::kPythonPackage),
              ElementsAre("/usr/bin/python3", "-m", "pkg.train"));
  EXPECT_THAT(Argv("my.python.pkg", Kind::kPythonPackage),
              ElementsAre("/usr/bin/python3", "-m", "my.python.pkg"));
}

TEST_F(EntryPoint, ProgramIsRunFromTheCodeDirectoryWithoutAShell) {
  const auto command =
      EntryPointCommand(For("-run me.sh"), Kind::kProgram, "", {"a b", "*"}, {{"K", "V"}});
  EXPECT_THAT(command.argv, ElementsAre("./-run me.sh", "a b", "*"));
  EXPECT_EQ(command.directory, code.string());
  EXPECT_EQ(command.variables.at("K"), "V");
}

TEST_F(EntryPoint, ProgramIsMadeExecutableAndScriptsAreNot) {
  const auto mode = [this](const char* name) {
    struct stat about{};
    EXPECT_EQ(::stat((code / name).c_str(), &about), 0);
    return about.st_mode & 07777;
  };
  Write("run.sh");
  Write("train.py");
  ASSERT_TRUE(PrepareEntryPoint(For("run.sh"), Kind::kProgram));
  ASSERT_TRUE(PrepareEntryPoint(For("train.py"), Kind::kPythonScript));
  EXPECT_EQ(mode("run.sh"), 0755u);
  EXPECT_EQ(mode("train.py"), 0644u);
}

}  // namespace
}  // namespace berth::usercode
