#include "training/entry_point.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <tuple>

#include "cli/command.h"
#include "core/descriptor.h"
#include "process/parent.h"

namespace berth::cli {
namespace {

constexpr char kFooter[] =
    R"(For framework containers whose own main function (SAGEMAKER_TRAINING_MODULE) runs the user's
script: reads one JSON object, the request, to its end; fetches, installs and runs the user's
code as `berth train` does, on one host or all; writes nothing under /opt/ml/output. The Python
packages sagemaker_training and sagemaker_containers of berth-compat use it; the members of a
request are in docs/framework-containers.md.

Exit codes: 0 success; 1 what was asked for could not be started; 126 and 127 an entry point that
could not be executed or was not found; 128+N a script killed by signal N; 2 wrong usage; else the
script's own.

Examples:
  echo '{"runner": "process", "user_entry_point": "train.py"}' | berth entry-point
  echo '{"only": "fetch", "uri": "s3://bucket/code.tar.gz"}' | berth entry-point)";

/// A request holds a script's arguments and variables: what execve() takes, and its quotes.
constexpr size_t kRequestLimit = size_t{32} << 20;

struct Options {
  int request = STDIN_FILENO;
  int result = -1;
  pid_t parent = 0;
};

Result<std::string> ReadRequest(int descriptor) {
  std::string text;
  std::array<char, 65'536> part{};
  for (;;) {
    const ssize_t n = ::read(descriptor, part.data(), part.size());
    if (n == 0) return text;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return FailErrno(fmt::format("cannot read the request from descriptor {}", descriptor));
    text.append(part.data(), static_cast<size_t>(n));
    if (text.size() > kRequestLimit) {
      return Fail(fmt::format("the request has more than {} bytes", kRequestLimit));
    }
  }
}

Result<training::EntryPointRequest> TakeRequest(int descriptor) {
  BERTH_ASSIGN(const std::string text, ReadRequest(descriptor));
  return training::ParseEntryPointRequest(text);
}

int Run(const Context& context, const Options& options) {
  if (options.parent != 0) process::EndWithParent(options.parent);
  // The script gets neither.
  for (const int descriptor : {options.request, options.result}) {
    if (descriptor > STDERR_FILENO && ::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0) {
      fmt::print(stderr, "berth entry-point: descriptor {} is not open\n", descriptor);
      return kUsage;
    }
  }
  const auto request = TakeRequest(options.request);
  if (request) return training::RunEntryPoint(*request, context.variables, options.result);
  fmt::print(stderr, "berth entry-point: {}\n", request.error().message());
  if (options.result >= 0) {
    const std::string line = training::ResultOfBadRequest(request.error());
    std::ignore = WriteAll(options.result, line.data(), line.size());
  }
  return kUsage;
}

}  // namespace

void AddEntryPoint(CLI::App& parent, const Context& context, Action& action) {
  CLI::App* command = parent.add_subcommand(
      "entry-point", "Run a user's script for a framework container's own main function");
  command->footer(kFooter);
  auto options = std::make_shared<Options>();
  command->add_option("--request-fd", options->request, "Where the request is read")
      ->check(CLI::Range(0, 1 << 20))
      ->capture_default_str();
  command->add_option("--result-fd", options->result, "Where one line of JSON says how it ended")
      ->check(CLI::Range(0, 1 << 20));
  AddParent(*command, options->parent);
  command->callback([&context, &action, options] {
    action = [&context, options] { return Run(context, *options); };
  });
}

}  // namespace berth::cli
