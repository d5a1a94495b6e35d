#include "platform/prepare.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "contract/layout.h"
#include "core/files.h"
#include "core/json.h"
#include "core/text.h"
#include "platform/fast_files.h"
#include "platform/hosts.h"
#include "platform/job_variables.h"
#include "platform/pipes.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

/// Channels show up in the container at input/data/<name>; code may come from there.
bool IsInAChannel(const TrainingJob& job, const std::string& path) {
  const std::string data = contract::Layout::Under(contract::kDefaultBase).input_data;
  return std::any_of(job.channels.begin(), job.channels.end(), [&](const Channel& channel) {
    return (path + "/").starts_with(data + "/" + channel.name + "/");
  });
}

}  // namespace

std::vector<std::string> FileProblems(const TrainingJob& job) {
  std::vector<std::string> problems;
  for (size_t i = 0; i < job.channels.size(); ++i) {
    const Channel& channel = job.channels[i];
    if (channel.path.empty() || ::access(channel.path.c_str(), R_OK) == 0) continue;
    problems.push_back(
        Error::System(errno, fmt::format("InputDataConfig[{}] (channel \"{}\"): cannot read \"{}\"",
                                         i, channel.name, channel.path))
            .message());
  }
  if (!job.checkpoint_path.empty()) {
    if (auto made = MakeDirectories(job.checkpoint_path); !made) {
      problems.push_back("CheckpointConfig.S3Uri: " + made.error().message());
    }
  }
  const std::string& source = job.submit_directory;
  if (!source.starts_with('/') || IsInAChannel(job, source)) return problems;
  const std::string what = fmt::format("HyperParameters[\"sagemaker_submit_directory\"]: ");
  if (::access(source.c_str(), R_OK) != 0) {
    problems.push_back(Error::System(errno, what + "cannot read \"" + source + "\"").message());
  } else if (source.starts_with(std::string(contract::kDefaultBase) + "/")) {
    problems.push_back(fmt::format(
        "{}\"{}\": the job has an /opt/ml of its own and will not see it; move it elsewhere", what,
        source));
  }
  return problems;
}

Result<ContainerSpec> PrepareContainer(const TrainingJob& job, size_t host,
                                       const JobDirectory& directory, const LocalOptions& options,
                                       bool mounts_fast_files, const ClusterNetwork* network) {
  const Host& about = job.hosts[host];
  const fs::path tree = directory.tree(about);
  if (BringsCode(job)) {
    TrainingJob with_code = job;
    with_code.hyperparameters["sagemaker_submit_directory"] =
        json::Dump(json::Value(directory.code(job).string()));
    BERTH_TRY(LayDown(with_code, host, tree));
  } else {
    BERTH_TRY(LayDown(job, host, tree));
  }

  ContainerSpec spec;
  spec.host_name = about.name;
  spec.network = network;
  spec.host_number = about.number;
  spec.hosts = job.hosts.size();
  spec.tree = tree;
  spec.scratch = directory.scratch(about);
  for (size_t i = 0; i < job.channels.size(); ++i) {
    const Channel& channel = job.channels[i];
    if (!ShareOf(channel, job, host)) continue;
    if (channel.input_mode == "Pipe") {
      BERTH_TRY(MakeChannelFifo(tree, channel.name, 0));
      continue;
    }
    const fs::path source =
        IsMounted(channel) ? fs::path(channel.path) : directory.channel(channel, about);
    fs::path place = fs::path("input/data") / channel.name;
    BERTH_TRY(MakeDirectories(tree / place));
    if (mounts_fast_files && IsFastFile(channel)) {
      spec.served.emplace(FastFileNumber(host, i), place.string());
      continue;
    }
    std::error_code unknown;
    if (!fs::is_directory(source, unknown)) {
      place /= source.filename();
      BERTH_TRY(WriteFile(tree / place, ""));
    }
    spec.mounts.push_back({source, place.string(), true});
  }

  const fs::path checkpoints =
      job.checkpoint_path.empty() ? directory.checkpoints() : fs::path(job.checkpoint_path);
  BERTH_TRY(MakeDirectories(checkpoints));
  BERTH_TRY(MakeDirectories(tree / job.checkpoint_place));
  spec.mounts.push_back({checkpoints, job.checkpoint_place, false});

  spec.argv = job.command;
  if (spec.argv.empty()) {
    spec.argv = {"train"};
    spec.program = options.train_program;
  }
  spec.variables = JobVariables(job, options.variables);
  return spec;
}

}  // namespace berth::platform
