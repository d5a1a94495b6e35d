#include "platform/job_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <ftw.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <tuple>
#include <utility>

#include "contract/layout.h"
#include "core/files.h"
#include "core/json.h"
#include "platform/hosts.h"

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

Value InputDataConfig(const TrainingJob& job, size_t host) {
  Object channels;
  for (const Channel& channel : job.channels) {
    if (!ShareOf(channel, job, host)) continue;
    Object about;
    if (!channel.content_type.empty()) about.Set("ContentType", channel.content_type);
    about.Set("TrainingInputMode", channel.input_mode);
    about.Set("S3DistributionType", channel.distribution);
    about.Set("RecordWrapperType", channel.record_wrapper);
    channels.Set(channel.name, std::move(about));
  }
  return channels;
}

Value ResourceConfig(const TrainingJob& job, size_t current) {
  Array hosts;
  std::vector<Array> by_group(job.groups.size());
  for (const Host& host : job.hosts) {
    hosts.emplace_back(host.name);
    by_group[host.group].emplace_back(host.name);
  }
  Array groups;
  for (size_t i = 0; i < job.groups.size(); ++i) {
    groups.emplace_back(Object{{"instance_group_name", job.groups[i].name},
                               {"instance_type", job.groups[i].instance_type},
                               {"hosts", std::move(by_group[i])}});
  }
  // One host talks to itself only.
  const char* const network = job.hosts.size() > 1 ? "eth0" : "lo";
  const HostGroup& group = job.groups[job.hosts[current].group];
  return Object{
      {"current_host", job.hosts[current].name}, {"current_instance_type", group.instance_type},
      {"current_group_name", group.name},        {"hosts", std::move(hosts)},
      {"instance_groups", std::move(groups)},    {"network_interface_name", network}};
}

Descriptor OpenFolder(const fs::path& folder) {
  return Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

Error InUse(const fs::path& root) {
  // Every end but being killed takes the scratch directory away.
  const Descriptor scratch = OpenFolder(root / JobDirectory::kScratch);
  if (scratch && ::flock(scratch.get(), LOCK_SH | LOCK_NB) == 0) {
    return Error(
        fmt::format(
            "ResourceInUse: \"{0}\" holds a job whose run was killed before its end: it is "
            "not running any more; look at what it left, then remove it (rm -r \"{0}\"), or "
            "choose another --name or --output",
            root.string()),
        EEXIST);
  }
  if (scratch && errno == EWOULDBLOCK) {
    return Error(fmt::format("ResourceInUse: \"{}\" holds a job that is running; choose another "
                             "--name or --output",
                             root.string()),
                 EEXIST);
  }
  return Error(fmt::format("ResourceInUse: \"{}\" holds a job already; choose another --name or "
                           "--output, or remove it",
                           root.string()),
               EEXIST);
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
    if (!cause) return Fail(InUse(root));
    return Fail(Error::System(cause.value(), fmt::format("cannot read \"{}\"", root.string())));
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
  directory.lock_ = OpenFolder(directory.scratch());
  // Waits for nobody but one that looks whether this job is running. Without locks (some network
  // file systems have none) only a message will be less telling.
  std::ignore = ::flock(directory.lock_.get(), LOCK_EX);
  BERTH_TRY(MakeDirectories(root / "logs"));
  return directory;
}

std::vector<fs::path> JobDirectory::trees(const std::vector<Host>& hosts) const {
  std::vector<fs::path> trees;
  trees.reserve(hosts.size());
  for (const Host& host : hosts) trees.push_back(tree(host));
  return trees;
}

std::vector<std::string> JobDirectory::seen_as(const std::string& place,
                                               const std::vector<Host>& hosts) const {
  std::vector<std::string> paths{std::string(contract::kDefaultBase) + "/" + place};
  for (const fs::path& tree : trees(hosts)) paths.push_back((tree / place).string());
  return paths;
}

JobDirectory::JobDirectory(JobDirectory&& other) noexcept
    : root_(std::exchange(other.root_, fs::path())), lock_(std::move(other.lock_)) {}

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

Result<void> LayDown(const TrainingJob& job, size_t host, const fs::path& tree) {
  const contract::Layout layout = contract::Layout::Under(tree.string());
  for (const std::string& folder :
       {layout.code, layout.model, layout.input_config, layout.input_data, layout.output_data}) {
    BERTH_TRY(MakeDirectories(folder));
  }
  // Where it is there already `train` leaves it to us.
  if (!IntermediateUri(job).empty()) BERTH_TRY(MakeDirectories(layout.output_intermediate));
  BERTH_TRY(WriteFile(layout.hyperparameters_file, json::DumpPython(Hyperparameters(job))));
  BERTH_TRY(WriteFile(layout.input_data_config_file, json::DumpPython(InputDataConfig(job, host))));
  return WriteFile(layout.resource_config_file, json::DumpPython(ResourceConfig(job, host)));
}

}  // namespace berth::platform
