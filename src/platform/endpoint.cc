#include "platform/endpoint.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string_view>
#include <utility>

#include "core/descriptor.h"
#include "core/files.h"
#include "core/log.h"
#include "core/text.h"
#include "platform/assignments.h"
#include "platform/attend.h"
#include "platform/console.h"
#include "platform/container.h"
#include "platform/endpoint_files.h"
#include "platform/errand.h"
#include "platform/hosts.h"
#include "platform/job_directory.h"
#include "platform/job_variables.h"
#include "platform/progress.h"
#include "platform/stop_signals.h"
#include "storage/archive.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

constexpr int kStoppedBySignal = 128;  // plus the signal
/// "65535\n"
constexpr size_t kPortText = 6;

/// A folder for one endpoint, gone with all in it, also where an archive made it unwritable.
class Scratch {
 public:
  static Result<Scratch> Make() {
    BERTH_ASSIGN(TemporaryDirectory folder, TemporaryDirectory::Make("berth-serve"));
    return Scratch(std::move(folder));
  }
  Scratch(Scratch&&) = default;
  Scratch& operator=(Scratch&&) = delete;
  ~Scratch() {
    if (!folder_.path().empty()) RemoveTree(folder_.path());
  }

  fs::path model() const { return folder_.path() / "model"; }
  fs::path tree() const { return folder_.path() / "ml"; }
  fs::path keep() const { return folder_.path() / "keep"; }

 private:
  explicit Scratch(TemporaryDirectory folder) : folder_(std::move(folder)) {}
  TemporaryDirectory folder_;
};

/// In a process of its own: a large archive takes long, and can be stopped.
Result<std::string> Unpack(const EndpointFiles& files, const fs::path& folder,
                           const storage::ExtractLimits& limits, const Superior& superior) {
  const Descriptor archive(::open(files.model.c_str(), O_RDONLY | O_CLOEXEC));
  if (!archive) return FailErrno(fmt::format("--model {}: cannot read it", Quoted(files.named)));
  const storage::ByteSource bytes = storage::FromDescriptor(archive.get());
  const auto unpacked = storage::ExtractTarGz(
      [&](std::span<char> buffer) -> Result<size_t> {
        if (superior.cancel().cancelled()) return Fail("stopped", ECANCELED);
        return bytes(buffer);
      },
      folder, limits);
  if (!unpacked) return Fail(unpacked.error().Within("--model " + Quoted(files.named)));
  return std::string();
}

std::string ServingProgram(const EndpointOptions& options,
                           const std::map<std::string, std::string>& variables) {
  if (!options.entry_point.empty()) return options.entry_point;
  const auto named = variables.find("SAGEMAKER_PROGRAM");
  return named == variables.end() || named->second.empty() ? "inference.py" : named->second;
}

/// True where the code is neither --source nor the model's: nothing of it can be looked at here.
bool BringsOwnCode(const std::map<std::string, std::string>& variables) {
  return variables.contains("SAGEMAKER_SERVING_MODULE") ||
         variables.contains("SAGEMAKER_SUBMIT_DIRECTORY");
}

Result<ContainerSpec> SpecOf(const EndpointOptions& options, const EndpointFiles& files,
                             const fs::path& model, const Scratch& scratch,
                             std::map<std::string, std::string> variables, int ready) {
  ContainerSpec spec;
  spec.host_name = HostName(1);
  spec.tree = scratch.tree();
  spec.scratch = scratch.keep();
  for (const fs::path& folder : {spec.scratch, spec.tree / "model", spec.tree / "code"}) {
    BERTH_TRY(MakeDirectories(folder));
  }
  spec.mounts.push_back({model, "model", true});
  if (!files.source.empty()) {
    spec.mounts.push_back({files.source, "code", true});
    // The model's own code/ would come first.
    spec.places["SAGEMAKER_SUBMIT_DIRECTORY"] = "code";
  }
  spec.argv = {"serve"};
  spec.program = options.serve_program;
  spec.variables = std::move(variables);
  spec.variables["SAGEMAKER_BIND_TO_PORT"] = std::to_string(options.port);
  spec.variables["BERTH_READY_FD"] = std::to_string(ready);
  spec.kept = ready;
  return spec;
}

/// Reads what `serve` says when it is ready, and passes it on.
void TellAddress(int notice, const EndpointOptions& options) {
  std::array<char, kPortText> text{};
  const ssize_t n = ::read(notice, text.data(), text.size());
  if (n <= 1) return;  // it ended before
  const std::string port(text.data(), static_cast<size_t>(n) - 1);
  const std::string told = fmt::format(
      "serving at http://127.0.0.1:{0}\n"
      "ask it:  berth local invoke --port {0} FILE\n"
      "stop it: Ctrl-C\n",
      port);
  // Nobody may be there to read it; the log names the port too.
  [[maybe_unused]] const auto written = WriteAll(options.out_fd, told.data(), told.size());
}

int ExitCode(const Attended& attended) {
  const ContainerEnd& end = attended.ends.front();
  if (!end.start_error.empty()) {
    log::Error("local", "{}", end.start_error);
  } else if (end.signal != 0) {
    log::Error("local", "the server was killed by signal {} ({})", end.signal,
               ::strsignal(end.signal));
  }
  return end.code();
}

/// An Error: nothing was started.
Result<int> Run(const EndpointOptions& options, std::map<std::string, std::string> variables) {
  BERTH_ASSIGN(const EndpointFiles files,
               FindEndpointFiles(options.model, options.source, options.working_directory));
  BERTH_ASSIGN(StopSignals signals, StopSignals::Take());
  Console console(options.log_fd, DetectTerminal(options.log_fd, options.variables));
  BERTH_ASSIGN(const Scratch scratch, Scratch::Make());
  fs::path model = files.model;
  if (files.packed) {
    model = scratch.model();
    BERTH_ASSIGN(const auto limits, storage::ExtractLimits::FromEnvironment(options.variables));
    BERTH_ASSIGN(Errand errand, Errand::Start([&](const Superior& superior) {
                   return Unpack(files, model, limits, superior);
                 }));
    Followed followed = Follow(errand, signals, console, "Unpacking");
    if (followed.signal != 0) return kStoppedBySignal + followed.signal;
    if (!followed.end) return Fail(std::move(followed.end).error());
  }
  if (!files.source.empty() || !BringsOwnCode(variables)) {
    variables["SAGEMAKER_PROGRAM"] = ServingProgram(options, variables);
    if (!variables.contains("SAGEMAKER_SERVING_MODULE")) {
      BERTH_TRY(CheckHandler(files, model, variables["SAGEMAKER_PROGRAM"]));
    }
  }

  BERTH_ASSIGN(Pipe ready, MakePipe());
  BERTH_ASSIGN(const ContainerSpec spec,
               SpecOf(options, files, model, scratch, std::move(variables), ready.write.get()));
  BERTH_ASSIGN(Container container, Container::Start(spec));
  ready.write.Close();
  container.SayIsolation("server", "model and code");
  const AttendOptions attend{.what = "server",
                             .stop_grace = kEndpointStopGrace,
                             .on_stop =
                                 [](StopReason, int signal) {
                                   log::Info("local",
                                             "stopping after signal {} ({}); a second one kills",
                                             signal, ::strsignal(signal));
                                 },
                             .notice = ready.read.get(),
                             .on_notice = [&] { TellAddress(ready.read.get(), options); }};
  const Attendee server{.container = &container};
  return ExitCode(Attend({&server, 1}, console, signals, attend));
}

}  // namespace

int ServeEndpoint(const EndpointOptions& options) {
  std::map<std::string, std::string> variables = CallersVariables(options.variables);
  std::vector<std::string> problems;
  for (Assignment& variable :
       ParseAssignments("--env", "NAME=VALUE", options.environment, problems)) {
    variables[std::move(variable.name)] = std::move(variable.value);
  }
  for (const std::string& problem : problems) log::Error("local", "{}", problem);
  if (!problems.empty()) return kEndpointRefused;
  const Result<int> code = Run(options, std::move(variables));
  if (code) return *code;
  log::Error("local", "{}", code.error().message());
  return kEndpointRefused;
}

}  // namespace berth::platform
