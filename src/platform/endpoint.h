// `berth local serve`: one model's endpoint container on this machine, as the platform runs it.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace berth::platform {

struct EndpointOptions {
  /// A folder, or a .tar.gz or .tar of one: what the container sees as /opt/ml/model.
  std::string model{};
  /// A folder of code, seen as /opt/ml/code, in place of the model's own code/. May be empty.
  std::string source{};
  /// The handler's file in the code; empty: SAGEMAKER_PROGRAM of `environment`, else inference.py.
  std::string entry_point{};
  /// 0: the system chooses.
  int port = 8080;
  /// NAME=VALUE each: variables of the container.
  std::vector<std::string> environment{};
  /// Where relative paths begin; absolute.
  std::string working_directory{};
  /// The environment of this process: the base of the container's.
  std::map<std::string, std::string> variables{};
  /// What is run as `serve`.
  std::string serve_program = "/proc/self/exe";
  /// Where the address is told once requests can be sent: a line for programs, then for people.
  int out_fd = 1;
  /// Where the container's log goes, beside our own log.
  int log_fd = 2;
};

/// The platform's time from SIGTERM to SIGKILL for an endpoint.
inline constexpr std::chrono::milliseconds kEndpointStopGrace{30'000};

/// Nothing was started: see the messages.
inline constexpr int kEndpointRefused = 2;

/// Serves until a signal (SIGINT, SIGTERM, SIGHUP, SIGQUIT) stops the container or that ends by
/// itself, and leaves nothing behind. Must be the only thread of the process. Prints all that there
/// is to say; returns `serve`'s exit code (128+N where a signal ended it), 128+N after signal N
/// while the model was still unpacked, or kEndpointRefused.
int ServeEndpoint(const EndpointOptions& options);

}  // namespace berth::platform
