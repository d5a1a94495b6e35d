// One container of a job, without a container engine: a process that sees a private /opt/ml.
//
// Between us and the job stands a keeper, a fork of ours. It enters the namespaces, starts the
// job, and hears from us through a socket. When that socket closes, because we closed it or were
// killed, the keeper kills the job and everything the job has started.
//
//   us ── keeper (new user, mount, uts and pid namespaces) ── the job (PID 1 there)
//
// A job of several hosts has a container for each, which then also have network and ipc namespaces
// (cluster_network.h).
//
// What this machine does not allow is left out, step by step: the pid namespace first, then all.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/descriptor.h"
#include "core/error.h"
#include "platform/cluster_network.h"

namespace berth::platform {

struct ContainerMount {
  std::filesystem::path source{};  // a file or folder of this machine
  /// Below the tree; a file or an empty folder that is there already.
  std::string place{};
  bool read_only = true;
};

struct ContainerSpec {
  std::string host_name{};
  /// That of all hosts of the job, where there are several; it must outlive the container's start.
  /// Null: the machine's network.
  const ClusterNetwork* network = nullptr;
  size_t host_number = 1;  // of
  size_t hosts = 1;
  /// Shown at /opt/ml, or used where it is (SAGEMAKER_BASE_DIR) without namespaces.
  std::filesystem::path tree{};
  std::vector<ContainerMount> mounts{};
  /// Empty folders below the tree, there already, to mount through FUSE; and where the devices go,
  /// with the key as the number (SendDescriptor()). Not without namespaces.
  std::map<uint32_t, std::string> served{};
  int devices = -1;
  /// A folder for us to keep house in.
  std::filesystem::path scratch{};
  std::vector<std::string> argv{};
  /// The program behind argv[0] where that is not looked up in PATH: "/proc/self/exe".
  std::string program{};
  std::map<std::string, std::string> variables{};
  /// Variables that name a place below the tree, where the container sees it.
  std::map<std::string, std::string> places{};
  /// A descriptor that stays open in the container, under its number here; -1: none.
  int kept = -1;
};

enum class Isolation {
  kFull,    // private /opt/ml, own pid namespace
  kMounts,  // private /opt/ml
  kNone,    // SAGEMAKER_BASE_DIR
};

/// How the container's first process ended, or why it could not be started.
struct ContainerEnd {
  int exit_code = 0;  // 127, 126: not started, as a shell says it
  int signal = 0;
  std::string start_error{};  // one sentence; empty where it started

  int code() const { return signal != 0 ? 128 + signal : exit_code; }
  bool good() const { return code() == 0 && start_error.empty(); }
};

class Container {
 public:
  /// Returns when the job runs (or could not be executed, which its end tells). The caller must
  /// have one thread only, and blocks the signals it cares for. The job starts with none blocked or
  /// ignored, in a session of its own, with /dev/null as its stdin.
  [[nodiscard]] static Result<Container> Start(const ContainerSpec& spec);

  /// Fails, with the reason, where containers cannot have ContainerSpec::served here. `folder` is
  /// an empty one to try with. The caller must have one thread only.
  [[nodiscard]] static Result<void> TryFuse(const std::filesystem::path& folder);

  Container(Container&&) noexcept;
  Container& operator=(Container&&) = delete;
  /// Kills what still runs, and waits for it.
  ~Container();

  Isolation isolation() const { return isolation_; }
  /// Why there is less isolation than kFull.
  const std::string& obstacle() const { return obstacle_; }
  /// Says in our log what is left out here of the isolation of `what`, and that its `links` are
  /// links then.
  void SayIsolation(std::string_view what, std::string_view links) const;

  /// The job's stdout and stderr, in their order; the end comes when nobody holds them any more.
  int output() const { return output_.get(); }
  /// Readable when the end of the job can be read.
  int events() const { return socket_.get(); }

  /// SIGTERM for the job's first process.
  void Stop();
  /// SIGKILL for all of it.
  void Kill();

  /// After events() was readable: the end, if it has come.
  std::optional<ContainerEnd> ReadEnd();

 private:
  Container() = default;

  Isolation isolation_ = Isolation::kNone;
  std::string obstacle_{};
  std::filesystem::path tree_{};
  Descriptor output_;
  Descriptor socket_;
  pid_t keeper_ = -1;
};

}  // namespace berth::platform
