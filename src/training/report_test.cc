#include "training/report.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "core/files.h"

namespace berth::training {
namespace {

class Report : public testing::Test {
 protected:
  TemporaryDirectory directory_ = TemporaryDirectory::Make("berth-report-test").value();
  contract::Layout layout_ = contract::Layout::Under(directory_.path().string());
};

TEST_F(Report, SuccessIsAnEmptyFileInAnOutputFolderMadeForIt) {
  ReportSuccess(layout_);
  EXPECT_EQ(ReadFile(layout_.success), "");
}

TEST_F(Report, TheScriptsOwnFailureIsKept) {
  ASSERT_TRUE(MakeDirectories(layout_.output));
  ASSERT_TRUE(WriteFile(layout_.failure, "mine"));
  ReportFailure(layout_, "ours");
  EXPECT_EQ(ReadFile(layout_.failure), "mine");
}

TEST_F(Report, AnEmptyFailureOfTheScriptIsFilled) {
  ASSERT_TRUE(MakeDirectories(layout_.output));
  ASSERT_TRUE(WriteFile(layout_.failure, ""));
  ReportFailure(layout_, "ours");
  EXPECT_EQ(ReadFile(layout_.failure), "ours");
}

TEST_F(Report, MarksOfAnEarlierRunAreRemoved) {
  ReportSuccess(layout_);
  ReportFailure(layout_, "old");
  ClearReports(layout_);
  EXPECT_TRUE(std::filesystem::is_empty(layout_.output));
}

}  // namespace
}  // namespace berth::training
