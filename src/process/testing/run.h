// What the tests of this room share: run a command and look at what came of it.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/descriptor.h"
#include "process/supervisor.h"

namespace berth::process::testing {

/// Nothing here takes this long; a test that hangs ends with it.
inline constexpr std::chrono::seconds kPatience{60};

struct Ran {
  Outcome outcome;
  std::string output;
  std::string error;
};

/// All of a file from its start.
inline std::string Contents(int fd) {
  std::string text(static_cast<size_t>(::lseek(fd, 0, SEEK_END)), '\0');
  EXPECT_EQ(::pread(fd, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return text;
}

inline Descriptor MemoryFile() {
  return Descriptor(::memfd_create("output", MFD_CLOEXEC));
}

/// Supervises `argv` with its output going to files in memory.
inline Ran RunCommand(std::vector<std::string> argv, SuperviseOptions options = {},
                      std::string directory = {}) {
  const Descriptor output = MemoryFile(), error = MemoryFile();
  options.output_fd = output.get();
  options.error_fd = error.get();
  options.inherit_input = false;
  if (!options.deadline) options.deadline = kPatience;
  auto outcome = Supervise({std::move(argv), CurrentVariables(), std::move(directory)}, options);
  if (!outcome) {
    ADD_FAILURE() << outcome.error().message();
    return {};
  }
  return {std::move(*outcome), Contents(output.get()), Contents(error.get())};
}

inline Ran RunShell(const std::string& script, SuperviseOptions options = {}) {
  return RunCommand({"/bin/sh", "-c", script}, std::move(options));
}

/// Calls `then` once, when the command has printed "ready".
inline std::function<void(Stream, std::string_view)> WhenReady(std::function<void()> then) {
  return [then = std::move(then), seen = std::string()](Stream, std::string_view bytes) mutable {
    if (seen.find("ready") != std::string::npos) return;
    seen.append(bytes.substr(0, 4096));
    if (seen.find("ready") != std::string::npos) then();
  };
}

/// Runs `body` in a process of its own, to be free with signals, descriptors and namespaces.
/// Returns its exit code, or 128 + the signal that killed it.
inline int InFork(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid) return -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace berth::process::testing
