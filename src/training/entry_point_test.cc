#include "training/entry_point.h"

#include <gtest/gtest.h>

#include <string>

namespace berth::training {
namespace {

using Only = EntryPointRequest::Only;

std::string ErrorOf(const std::string& text) {
  const auto request = ParseEntryPointRequest(text);
  return request ? "accepted" : request.error().message();
}

TEST(EntryPointRequest, HasEveryMember) {
  const auto request =
      ParseEntryPointRequest(R"({"uri": "s3://b/code.tar.gz", "code_directory": "/c",
      "user_entry_point": "train.py", "arguments": ["--lr", "\udcff\u00e9"],
      "variables": {"A": "b"}, "runner": "mpi", "extra": {"sagemaker_mpi_num_processes": 2},
      "install": true, "quiet": true, "python": "/usr/bin/python3"})");
  ASSERT_TRUE(request) << request.error().message();
  EXPECT_EQ(request->only, Only::kEverything);
  EXPECT_EQ(request->uri, "s3://b/code.tar.gz");
  EXPECT_EQ(request->code_directory, "/c");
  EXPECT_EQ(request->user_entry_point, "train.py");
  // A surrogate that stands for a byte is that byte, as in Python's os.fsencode().
  EXPECT_EQ(request->arguments, (std::vector<std::string>{"--lr", "\xff\xc3\xa9"}));
  EXPECT_EQ(request->variables, (process::Variables{{"A", "b"}}));
  EXPECT_EQ(request->runner, "mpi");
  EXPECT_TRUE(request->extra.Contains("sagemaker_mpi_num_processes"));
  EXPECT_TRUE(request->install);
  EXPECT_TRUE(request->quiet);
  EXPECT_EQ(request->python, "/usr/bin/python3");
}

TEST(EntryPointRequest, NullIsAsMissing) {
  const auto request =
      ParseEntryPointRequest(R"({"only": "install", "uri": null, "runner": null, "kind": null})");
  ASSERT_TRUE(request) << request.error().message();
  EXPECT_EQ(request->only, Only::kInstall);
  EXPECT_EQ(request->kind, usercode::EntryPointKind::kPythonPackage);
  EXPECT_FALSE(request->runner);
}

TEST(EntryPointRequest, SaysWhatIsWrong) {
  EXPECT_EQ(ErrorOf("[]"), "the request is an array: expected a JSON object");
  EXPECT_TRUE(ErrorOf("{").starts_with("the request is no JSON: ")) << ErrorOf("{");
  EXPECT_EQ(ErrorOf(R"({"urj": "x"})"), R"(the request has no member "urj")");
  EXPECT_EQ(ErrorOf(R"({"uri": 1})"),
            R"(request member "uri": expected a string, found an integer)");
  EXPECT_EQ(ErrorOf(R"({"arguments": ["a", 1]})"),
            R"(request member "arguments": expected a string, found an integer)");
  EXPECT_EQ(ErrorOf(R"({"arguments": ["a\u0000"]})"), R"(request member "arguments" holds a NUL)");
  EXPECT_EQ(ErrorOf(R"({"variables": {"a=b": "c"}})"),
            R"(request member "variables": "a=b" cannot be the name of a variable)");
  EXPECT_EQ(ErrorOf(R"({"install": "yes"})"),
            R"(request member "install": expected true or false, found a string)");
  EXPECT_EQ(ErrorOf(R"({"only": "run"})"),
            R"(request member "only" is "run": expected one of fetch, install, download, sync)");
  EXPECT_EQ(ErrorOf(R"({"runner": "slurm"})"),
            R"(request member "runner" is "slurm": expected one of process, mpi, )"
            R"(torch_distributed, smddp, pytorch_xla)");
}

TEST(EntryPointRequest, NeedsWhatItIsFor) {
  EXPECT_EQ(ErrorOf("{}"),
            R"(the request is to run a script, and has no member "user_entry_point")");
  EXPECT_EQ(ErrorOf(R"({"user_entry_point": "a.py"})"),
            R"(the request is to run a script, and has no member "runner")");
  EXPECT_EQ(ErrorOf(R"({"only": "fetch"})"),
            R"(the request is to fetch code, and has no member "uri")");
  EXPECT_EQ(ErrorOf(R"({"only": "download", "uri": "s3://b/k"})"),
            R"(the request is to download, and has no member "destination")");
  EXPECT_EQ(ErrorOf(R"({"only": "sync"})"), R"(the request is to upload, and has no member "uri")");
  EXPECT_EQ(ErrorOf(R"({"command": ["true"], "user_entry_point": "a.py"})"),
            R"(the request has both "command" and "user_entry_point": it can run one)");
}

}  // namespace
}  // namespace berth::training
