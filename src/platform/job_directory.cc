#include "platform/job_directory.h"

#include <fmt/format.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "contract/layout.h"
#include "core/files.h"
#include "core/json.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;
using json::Array;
using json::Object;
using json::Value;

constexpr int kOpenDirectories = 32;
constexpr int kMaxPasses = 16;

int MakeWritable(const char* path, const struct stat* about, int type, struct FTW*) {
  // nftw() says FTW_DNR of a folder it cannot read.
  if (type == FTW_D || type == FTW_DNR) ::chmod(path, about->st_mode | S_IRWXU);
  return 0;
}

int RemoveOne(const char* path, const struct stat*, int, struct FTW*) {
  ::remove(path);
  return 0;
}

Value Hyperparameters(const TrainingJob& job) {
  Object values;
  for (const auto& [name, value] : job.hyperparameters) values.Set(name, value);
  return values;
}

Value InputDataConfig(const TrainingJob& job) {
  Object channels;
  for (const Channel& channel : job.channels) {
    Object about;
    if (!channel.content_type.empty()) about.Set("ContentType", channel.content_type);
    about.Set("TrainingInputMode", channel.input_mode);
    about.Set("S3DistributionType", channel.distribution);
    about.Set("RecordWrapperType", channel.record_wrapper);
    channels.Set(channel.name, std::move(about));
  }
  return channels;
}

Value ResourceConfig(const TrainingJob& job) {
  const Array hosts{Value(kHost)};
  Object group{{"instance_group_name", job.instance_group},
               {"instance_type", job.instance_type},
               {"hosts", hosts}};
  return Object{{"current_host", kHost},
                {"current_instance_type", job.instance_type},
                {"current_group_name", job.instance_group},
                {"hosts", hosts},
                {"instance_groups", Array{Value(std::move(group))}},
                // One host talks to itself only.
                {"network_interface_name", "lo"}};
}

}  // namespace

Result<JobDirectory> JobDirectory::Claim(const fs::path& root) {
  std::error_code cause;
  const bool exists = fs::exists(root, cause);
  if (exists && !fs::is_directory(root, cause)) {
    return Fail(fmt::format("\"{}\" is not a directory; choose another --output", root.string()),
                ENOTDIR);
  }
  if (exists && !fs::is_empty(root, cause)) {
    return Fail(fmt::format("ResourceInUse: \"{}\" holds a job already; choose another --name or "
                            "--output, or remove it",
                            root.string()),
                EEXIST);
  }
  BERTH_TRY(MakeDirectories(root));
  JobDirectory directory(root);
  // mkdir() settles who has it when two jobs of one name start at once.
  if (::mkdir(directory.scratch().c_str(), 0777) != 0) {
    const Error error =
        Error::System(errno, fmt::format("cannot make \"{}\"", directory.scratch().string()));
    directory.root_.clear();
    return Fail(error);
  }
  BERTH_TRY(MakeDirectories(directory.tree()));
  BERTH_TRY(MakeDirectories(directory.log().parent_path()));
  return directory;
}

JobDirectory::JobDirectory(JobDirectory&& other) noexcept
    : root_(std::exchange(other.root_, fs::path())) {}

JobDirectory::~JobDirectory() {
  if (root_.empty()) return;
  RemoveTree(scratch());
  std::error_code ignored;
  fs::remove(checkpoints(), ignored);  // only where it is empty
}

void RemoveTree(const fs::path& root) {
  std::error_code missing;
  // Each pass opens one more level of folders that nobody could look into.
  for (int pass = 0; pass < kMaxPasses && fs::exists(root, missing); ++pass) {
    ::nftw(root.c_str(), MakeWritable, kOpenDirectories, FTW_PHYS | FTW_MOUNT);
    ::nftw(root.c_str(), RemoveOne, kOpenDirectories, FTW_PHYS | FTW_MOUNT | FTW_DEPTH);
  }
}

Result<void> LayDown(const TrainingJob& job, const fs::path& tree) {
  const contract::Layout layout = contract::Layout::Under(tree.string());
  for (const std::string& folder :
       {layout.code, layout.model, layout.input_config, layout.input_data, layout.output_data}) {
    BERTH_TRY(MakeDirectories(folder));
  }
  BERTH_TRY(WriteFile(layout.hyperparameters_file, json::DumpPython(Hyperparameters(job))));
  BERTH_TRY(WriteFile(layout.input_data_config_file, json::DumpPython(InputDataConfig(job))));
  return WriteFile(layout.resource_config_file, json::DumpPython(ResourceConfig(job)));
}

}  // namespace berth::platform
