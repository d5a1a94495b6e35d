#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/files.h"
#include "usercode/usercode.h"

namespace berth::usercode {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;
using Kind = EntryPointKind;

constexpr const char* kArn =
    "arn:aws:codeartifact:eu-west-1:123456789012:repository/team/my-pypi.v2";

class Install : public ::testing::Test {
 protected:
  std::vector<std::vector<std::string>> Commands(Kind kind) const {
    const auto commands = InstallCommands(source, kind, "/usr/bin/python3", variables);
    EXPECT_TRUE(commands) << commands.error().message();
    std::vector<std::vector<std::string>> all;
    for (const process::Command& command : commands.value()) {
      EXPECT_EQ(command.directory, source.code_directory.string());
      EXPECT_EQ(command.variables, variables);
      all.push_back(command.argv);
    }
    return all;
  }

  void Write(const std::string& name, unsigned mode = 0644) const {
    ASSERT_TRUE(WriteFile(home.path() / name, "#!/bin/sh\n", mode));
  }

  TemporaryDirectory home = TemporaryDirectory::Make("berth-install-test").value();
  Source source{.submit_directory = "", .entry_point = "train.py", .code_directory = home.path()};
  process::Variables variables{{"PATH", home.path().string()}};
  const std::vector<std::string> requirements{"/usr/bin/python3", "-m", "pip",
                                              "install",          "-r", "requirements.txt"};
};

TEST_F(Install, NothingIsInstalledWithoutRequirements) {
  variables["CA_REPOSITORY_ARN"] = kArn;
  EXPECT_THAT(Commands(Kind::kPythonScript), ElementsAre());
}

TEST_F(Install, RequirementsOfAScriptAreInstalled) {
  Write("requirements.txt");
  EXPECT_THAT(Commands(Kind::kPythonScript), ElementsAre(requirements));
}

TEST_F(Install, RequirementsOfAProgramAreItsOwnBusiness) {
  Write("requirements.txt");
  EXPECT_THAT(Commands(Kind::kProgram), ElementsAre());
}

TEST_F(Install, PackageIsInstalledWithItsRequirements) {
  EXPECT_THAT(Commands(Kind::kPythonPackage),
              ElementsAre(ElementsAre("/usr/bin/python3", "-m", "pip", "install", ".")));
  Write("requirements.txt");
  EXPECT_THAT(Commands(Kind::kPythonPackage),
              ElementsAre(ElementsAre("/usr/bin/python3", "-m", "pip", "install", ".", "-r",
                                      "requirements.txt")));
}

TEST_F(Install, CodeArtifactIsLoggedInToFirst) {
  Write("requirements.txt");
  Write("aws", 0755);
  variables["CA_REPOSITORY_ARN"] = kArn;
  EXPECT_THAT(
      Commands(Kind::kPythonScript),
      ElementsAre(ElementsAre((home.path() / "aws").string(), "codeartifact", "login", "--tool",
                              "pip", "--domain", "team", "--domain-owner", "123456789012",
                              "--repository", "my-pypi.v2", "--region", "eu-west-1"),
                  requirements));
}

TEST_F(Install, EmptyRepositoryVariableIsNone) {
  Write("requirements.txt");
  variables["CA_REPOSITORY_ARN"] = "";
  EXPECT_THAT(Commands(Kind::kPythonScript), ElementsAre(requirements));
}

TEST_F(Install, CodeArtifactWithoutTheAwsProgramSaysWhatToDo) {
  Write("requirements.txt");
  variables["CA_REPOSITORY_ARN"] = kArn;
  const auto commands = InstallCommands(source, Kind::kPythonScript, "python3", variables);
  ASSERT_FALSE(commands);
  EXPECT_THAT(commands.error().message(),
              StartsWith("CA_REPOSITORY_ARN is set, and to install from CodeArtifact this version "
                         "needs the AWS CLI: install it into the image, or unset the variable and "
                         "set PIP_INDEX_URL"));
}

TEST_F(Install, WhatIsNoArnOfARepositoryIsRefused) {
  Write("requirements.txt");
  Write("aws", 0755);
  for (const char* arn :
       {"pypi", "arn:aws:s3:eu-west-1:1:repository/a/b",
        "arn:aws:codeartifact:eu-west-1:1:repository/a",
        "arn:aws:codeartifact:eu-west-1:1:domain/a/b", "arn:aws:codeartifact::1:repository/a/b",
        "arn:aws:codeartifact:eu-west-1:1:repository/--profile/b",
        "arn:aws:codeartifact:eu-west-1:1:repository/a/b c"}) {
    variables["CA_REPOSITORY_ARN"] = arn;
    const auto commands = InstallCommands(source, Kind::kPythonScript, "python3", variables);
    ASSERT_FALSE(commands) << arn;
    EXPECT_EQ(commands.error().message(),
              "CA_REPOSITORY_ARN is \"" + std::string(arn) +
                  "\", which is not the ARN of a CodeArtifact repository: expected "
                  "arn:PARTITION:codeartifact:REGION:ACCOUNT:repository/DOMAIN/NAME");
  }
}

TEST_F(Install, Python3IsPreferredToPython) {
  Write("python", 0755);
  EXPECT_EQ(FindPython(variables).value(), (home.path() / "python").string());
  Write("python3", 0755);
  EXPECT_EQ(FindPython(variables).value(), (home.path() / "python3").string());
}

TEST_F(Install, MissingPythonSaysWhereItWasLookedFor) {
  EXPECT_EQ(FindPython(variables).error().message(),
            "there is neither python3 nor python (PATH is \"" + home.path().string() +
                "\"): install Python into the image, or add its folder to PATH");
}

}  // namespace
}  // namespace berth::usercode
