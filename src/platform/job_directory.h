// The directory of one job on this machine, and the tree in it that becomes the job's /opt/ml.
//
//   <root>/job.json metrics.json model.tar.gz output.tar.gz   what the job leaves
//   <root>/logs/algo-1.log
//   <root>/checkpoints/
//   <root>/.work/                                             scratch, gone at the end
#pragma once

#include <filesystem>

#include "core/error.h"
#include "platform/request.h"

namespace berth::platform {

/// The name of the one host; several come later.
inline constexpr const char* kHost = "algo-1";

class JobDirectory {
 public:
  /// Makes `root` and its scratch directory. An existing directory that holds anything is
  /// refused: nothing of another job is ever overwritten.
  [[nodiscard]] static Result<JobDirectory> Claim(const std::filesystem::path& root);

  JobDirectory(JobDirectory&& other) noexcept;
  JobDirectory& operator=(JobDirectory&&) = delete;
  /// Removes the scratch directory, and folders of ours that stayed empty.
  ~JobDirectory();

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path scratch() const { return root_ / ".work"; }
  /// What the job sees as /opt/ml.
  std::filesystem::path tree() const { return scratch() / "ml"; }
  /// The data of a channel that had to be brought here.
  std::filesystem::path channel(const std::string& name) const {
    return scratch() / "channels" / name;
  }
  /// The first run's; those after an interruption are "algo-1-2.log" and so on.
  std::filesystem::path log(int run = 1) const {
    const std::string number = run > 1 ? "-" + std::to_string(run) : "";
    return root_ / "logs" / (kHost + number + ".log");
  }
  std::filesystem::path checkpoints() const { return root_ / "checkpoints"; }

 private:
  explicit JobDirectory(std::filesystem::path root) : root_(std::move(root)) {}
  std::filesystem::path root_;
};

/// Removes a tree and all in it, also folders that its owner may not write. Never follows links
/// and never leaves the file system it starts on: a mount point stays, with what is mounted there.
void RemoveTree(const std::filesystem::path& root);

/// The folders and the three configuration files of a training container, under `tree`.
[[nodiscard]] Result<void> LayDown(const TrainingJob& job, const std::filesystem::path& tree);

}  // namespace berth::platform
