// The directory of one job on this machine, and the tree in it that becomes the job's /opt/ml.
//
//   <root>/job.json metrics.json model.tar.gz output.tar.gz   what the job leaves
//   <root>/logs/algo-1.log                                    one for each host
//   <root>/checkpoints/                                       all hosts'
//   <root>/.work/                                             scratch, gone at the end
//   <root>/.work/channels/<name>                              data that was brought here
//   <root>/.work/algo-1/{ml,channels}                         a host's /opt/ml, and its shares
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"
#include "platform/request.h"

namespace berth::platform {

class JobDirectory {
 public:
  static constexpr const char* kScratch = ".work";

  /// Makes `root` and its scratch directory, which it locks until the process ends, however that
  /// ends. An existing directory that holds anything is refused: nothing of another job is ever
  /// overwritten. The error tells a job that is running from one whose run was killed.
  [[nodiscard]] static Result<JobDirectory> Claim(const std::filesystem::path& root);

  JobDirectory(JobDirectory&& other) noexcept;
  JobDirectory& operator=(JobDirectory&&) = delete;
  /// Removes the scratch directory, and folders of ours that stayed empty.
  ~JobDirectory();

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path scratch() const { return root_ / kScratch; }
  /// For what belongs to one host.
  std::filesystem::path scratch(const Host& host) const { return scratch() / host.name; }
  /// What the host sees as /opt/ml.
  std::filesystem::path tree(const Host& host) const { return scratch(host) / "ml"; }
  std::vector<std::filesystem::path> trees(const std::vector<Host>& hosts) const;
  /// The paths by which jobs know a folder of their /opt/ml: links that they make may have them.
  std::vector<std::string> seen_as(const std::string& place, const std::vector<Host>& hosts) const;
  /// The data of a channel that had to be brought here for this host, or for all.
  std::filesystem::path channel(const Channel& channel, const Host& host) const {
    return (channel.sharded ? scratch(host) : scratch()) / "channels" / channel.name;
  }
  /// Code in S3 that had to be brought here.
  std::filesystem::path code(const TrainingJob& job) const {
    return scratch() / "code" / std::filesystem::path(job.submit_directory).filename();
  }
  /// The first run's; those after an interruption are "algo-1-2.log" and so on.
  std::filesystem::path log(const Host& host, int run = 1) const {
    const std::string number = run > 1 ? "-" + std::to_string(run) : "";
    return root_ / "logs" / (host.name + number + ".log");
  }
  std::filesystem::path checkpoints() const { return root_ / "checkpoints"; }

 private:
  explicit JobDirectory(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path root_;
  Descriptor lock_;  // of scratch(): says that the job is running
};

/// Removes a tree and all in it, also folders that its owner may not write. Never follows links
/// and never leaves the file system it starts on: a mount point stays, with what is mounted there.
void RemoveTree(const std::filesystem::path& root);

/// The folders and the three configuration files of a training container on the host at that place
/// in the job's hosts, under `tree`.
[[nodiscard]] Result<void> LayDown(const TrainingJob& job, size_t host,
                                   const std::filesystem::path& tree);

}  // namespace berth::platform
