#include "platform/job_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "core/files.h"
#include "platform/hosts.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class JobDirectoryTest : public testing::Test {
 protected:
  fs::path root() { return folder_->path() / "jobs" / "n"; }
  Result<TemporaryDirectory> folder_ = TemporaryDirectory::Make("berth-job");
};

TEST_F(JobDirectoryTest, LeavesNoScratch) {
  {
    const auto directory = JobDirectory::Claim(root());
    ASSERT_TRUE(directory);
    EXPECT_TRUE(fs::is_directory(directory->scratch()));
    ASSERT_TRUE(WriteFile(directory->root() / "job.json", "{}"));
  }
  EXPECT_FALSE(fs::exists(root() / ".work"));
  EXPECT_FALSE(fs::exists(root() / "checkpoints"));
  EXPECT_TRUE(fs::exists(root() / "job.json"));
}

TEST_F(JobDirectoryTest, RefusesTheDirectoryOfAnotherJob) {
  ASSERT_TRUE(MakeDirectories(root()));
  ASSERT_TRUE(WriteFile(root() / "job.json", "precious"));
  const auto directory = JobDirectory::Claim(root());
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().message(),
            "ResourceInUse: \"" + root().string() +
                "\" holds a job already; choose another --name or --output, or remove it");
  EXPECT_EQ(*ReadFile(root() / "job.json"), "precious");
}

TEST_F(JobDirectoryTest, IsClaimedOnce) {
  const auto first = JobDirectory::Claim(root());
  ASSERT_TRUE(first);
  const auto second = JobDirectory::Claim(root());
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message(), HasSubstr("holds a job that is running"));
  EXPECT_TRUE(fs::is_directory(first->scratch()));
}

TEST_F(JobDirectoryTest, RefusesWhatAKilledRunLeftAndSaysSo) {
  ASSERT_TRUE(MakeDirectories(root() / JobDirectory::kScratch));
  ASSERT_TRUE(WriteFile(root() / "job.json", "precious"));
  const auto directory = JobDirectory::Claim(root());
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message(), HasSubstr("was killed before its end"));
  EXPECT_THAT(directory.error().message(), HasSubstr("rm -r \"" + root().string() + "\""));
  EXPECT_EQ(*ReadFile(root() / "job.json"), "precious");
  EXPECT_TRUE(fs::is_directory(root() / JobDirectory::kScratch));
}

TEST_F(JobDirectoryTest, TakesAnEmptyDirectory) {
  ASSERT_TRUE(MakeDirectories(root()));
  EXPECT_TRUE(JobDirectory::Claim(root()));
}

TEST_F(JobDirectoryTest, RemovesFoldersThatMayNotBeWrittenAndNoLinksTarget) {
  const fs::path tree = folder_->path() / "tree";
  const fs::path kept = folder_->path() / "kept";
  ASSERT_TRUE(MakeDirectories(tree / "a" / "b"));
  ASSERT_TRUE(WriteFile(tree / "a" / "b" / "f", ""));
  ASSERT_TRUE(WriteFile(kept, "kept"));
  fs::create_symlink(kept, tree / "a" / "link");
  fs::create_directory_symlink(folder_->path(), tree / "a" / "up");
  ASSERT_EQ(::chmod((tree / "a" / "b").c_str(), 0555), 0);
  ASSERT_EQ(::chmod((tree / "a").c_str(), 0), 0);
  RemoveTree(tree);
  EXPECT_FALSE(fs::exists(tree));
  EXPECT_EQ(*ReadFile(kept), "kept");
}

TEST_F(JobDirectoryTest, LaysDownWhatThePlatformDoes) {
  TrainingJob job;
  job.hyperparameters = {{"lr", "0.1"}, {"sagemaker_program", "\"t.py\""}};
  job.channels = {{.name = "train",
                   .path = "/d",
                   .content_type = "text/csv",
                   .input_mode = "File",
                   .distribution = "FullyReplicated",
                   .record_wrapper = "None"}};
  job.groups = {{.name = "g", .instance_type = "ml.c5.xlarge"}};
  const fs::path tree = folder_->path() / "ml";
  ASSERT_TRUE(LayDown(job, 0, tree));
  EXPECT_EQ(*ReadFile(tree / "input/config/hyperparameters.json"),
            R"({"lr": "0.1", "sagemaker_program": "\"t.py\""})");
  EXPECT_EQ(*ReadFile(tree / "input/config/inputdataconfig.json"),
            R"({"train": {"ContentType": "text/csv", "TrainingInputMode": "File", )"
            R"("S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}})");
  EXPECT_EQ(
      *ReadFile(tree / "input/config/resourceconfig.json"),
      R"({"current_host": "algo-1", "current_instance_type": "ml.c5.xlarge", )"
      R"("current_group_name": "g", "hosts": ["algo-1"], "instance_groups": [)"
      R"({"instance_group_name": "g", "instance_type": "ml.c5.xlarge", "hosts": ["algo-1"]}], )"
      R"("network_interface_name": "lo"})");
  for (const char* folder : {"code", "model", "input/data", "output/data"}) {
    EXPECT_TRUE(fs::is_directory(tree / folder)) << folder;
  }
}

TEST_F(JobDirectoryTest, LaysDownWhatAHostOfSeveralKnowsOfTheOthers) {
  TrainingJob job;
  job.groups = {{.name = "a", .instance_type = "ml.m5.large"},
                {.name = "b", .instance_type = "ml.c5.large", .count = 2}};
  job.hosts = HostsOf(job.groups);
  job.channels = {{.name = "all"}, {.name = "for-a", .groups = {"a"}}};
  const fs::path tree = folder_->path() / "ml";
  ASSERT_TRUE(LayDown(job, 1, tree));
  EXPECT_EQ(*ReadFile(tree / "input/config/resourceconfig.json"),
            R"({"current_host": "algo-2", "current_instance_type": "ml.c5.large", )"
            R"("current_group_name": "b", "hosts": ["algo-1", "algo-2", "algo-3"], )"
            R"("instance_groups": [{"instance_group_name": "a", "instance_type": "ml.m5.large", )"
            R"("hosts": ["algo-1"]}, {"instance_group_name": "b", "instance_type": "ml.c5.large", )"
            R"("hosts": ["algo-2", "algo-3"]}], "network_interface_name": "eth0"})");
  const std::string channels = *ReadFile(tree / "input/config/inputdataconfig.json");
  EXPECT_THAT(channels, HasSubstr("\"all\""));
  EXPECT_THAT(channels, testing::Not(HasSubstr("for-a")));
}

}  // namespace
}  // namespace berth::platform
