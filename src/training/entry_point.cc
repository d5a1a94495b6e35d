#include "training/entry_point.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "core/descriptor.h"
#include "core/log.h"
#include "core/secrets.h"
#include "core/wtf8.h"
#include "process/held_signals.h"
#include "storage/s3_client.h"
#include "storage/settings.h"
#include "training/intermediate_output.h"
#include "training/job.h"
#include "training/limits.h"
#include "training/script.h"
#include "usercode/stop_relay.h"

namespace berth::training {
namespace {

using contract::TrainingEnvironment;
using process::HeldSignals;
using process::Variables;
using Only = EntryPointRequest::Only;

constexpr std::string_view kRoom = "entry point";

/// The hyperparameter that asks for the launcher; empty for none.
std::string SwitchOf(std::string_view runner) {
  constexpr std::array kSwitches = std::to_array<std::pair<std::string_view, std::string_view>>({
      {"mpi", "sagemaker_mpi_enabled"},
      {"torch_distributed", "sagemaker_torch_distributed_enabled"},
      {"smddp", "sagemaker_distributed_dataparallel_enabled"},
      {"pytorch_xla", "sagemaker_pytorch_xla_multi_worker_enabled"},
  });
  for (const auto& [name, on] : kSwitches) {
    if (name == runner) return std::string(on);
  }
  return {};
}

std::string ResultLine(const Step& failure, const Secrets& secrets, std::string_view error_tail) {
  const Failure none{.type = {}, .exit_code = 0, .message = {}, .command = {}};
  const Failure& end = failure ? *failure : none;
  json::Object result;
  result.Set("type", failure ? json::Value(end.type) : json::Value());
  result.Set("code", end.exit_code);
  result.Set("message", DecodeFromSystem(secrets.Mask(end.message)));
  result.Set("command",
             end.command.empty() ? "" : DecodeFromSystem(secrets.MaskCommand(end.command)));
  result.Set("error_tail", failure ? DecodeFromSystem(secrets.Mask(error_tail)) : std::string());
  return json::DumpPython(result) + "\n";
}

/// One request, with what its steps share.
class Requested {
 public:
  Requested(const EntryPointRequest& request, const Variables& variables, const HeldSignals& held,
            int result)
      : request_(request),
        variables_(With(variables, request)),
        runner_(held, SecondsOf(variables_, "BERTH_GRACE_SECONDS", process::kDefaultGrace)),
        result_(result) {
    for (const auto& [name, value] : variables_) secrets_.Learn(name, value);
    SetLevel(log::Level::kInfo);
  }

  Step Run() {
    switch (request_.only) {
      case Only::kDownload:
        return Download();
      case Only::kSync:
        return Sync();
      case Only::kEverything:
        if (!request_.command.empty()) return RunCommand();
        break;
      case Only::kFetch:
      case Only::kInstall:
        break;
    }
    return RunScript();
  }

  void Tell(const Step& failure) const {
    if (result_ < 0) return;
    const std::string line = ResultLine(failure, secrets_, runner_.error_tail());
    if (const auto written = WriteAll(result_, line.data(), line.size()); !written) {
      log::Error(kRoom, "cannot tell how it ended: {}", written.error().message());
    }
  }

  const Secrets& secrets() const { return secrets_; }

 private:
  static Variables With(const Variables& variables, const EntryPointRequest& request) {
    Variables all = request.variables;
    all.insert(variables.begin(), variables.end());
    // As in ScriptVariables().
    all.try_emplace("PYTHONUNBUFFERED", "1");
    return all;
  }

  void SetLevel(log::Level level) const {
    log::SetLevel(request_.quiet ? std::max(level, log::Level::kWarning) : level);
  }

  std::string CodeDirectory() const {
    return request_.code_directory.empty() ? LayoutOf(variables_).code : request_.code_directory;
  }

  Step RunCommand() {
    return RunToItsEnd(
        runner_, {.argv = request_.command, .variables = variables_, .directory = CodeDirectory()},
        secrets_);
  }

  Step RunScript() {
    std::optional<TrainingEnvironment> environment;
    if (request_.runner) {
      auto read = ReadEnvironmentFor(variables_, SwitchOf(*request_.runner), request_.extra);
      if (!read) return ClientError(read.error().message());
      SetLevel(log::LevelFromNumber(read->log_level));
      environment = *std::move(read);
    }
    Script script(runner_, {.source = {.submit_directory = request_.uri,
                                       .entry_point = request_.user_entry_point,
                                       .code_directory = CodeDirectory()},
                            .arguments = request_.arguments,
                            .variables = variables_,
                            .python = request_.python,
                            .region = environment ? environment->region : std::string(),
                            .secrets = secrets_});
    Step failure = Do(script, environment);
    if (failure && environment && !script.met()) {
      TellOthers(*environment, variables_, *failure, runner_.held());
    }
    return failure;
  }

  Step Do(Script& script, const std::optional<TrainingEnvironment>& environment) const {
    if (auto step = script.Fetch()) return step;
    if (request_.only == Only::kFetch) return {};
    if (request_.only == Only::kInstall) {
      return request_.user_entry_point.empty() ? script.Install(request_.kind)
                                               : script.Prepare(/*install=*/true);
    }
    if (auto step = script.Prepare(request_.install)) return step;
    return script.Launch(*environment);
  }

  Step Download() const {
    const auto relay =
        usercode::StopRelay::Start(runner_.held(), std::chrono::milliseconds::zero());
    if (!relay) return ClientError(relay.error().message());
    const auto done = Get(&(*relay)->cancellation());
    if (done) return {};
    return runner_.Stoppable(ClientError(
        done.error().Within(fmt::format("cannot download \"{}\"", request_.uri)).message()));
  }

  Result<void> Get(const storage::Cancellation* cancel) const {
    BERTH_ASSIGN(const storage::S3Uri uri, storage::ParseS3Uri(request_.uri));
    BERTH_ASSIGN(storage::Settings settings, storage::Settings::FromEnvironment(variables_));
    BERTH_ASSIGN(const auto client, storage::S3Client::Open(std::move(settings), cancel));
    if (auto done = client->Get(uri, request_.destination, {.cancel = cancel, .moved = {}});
        !done) {
      return Fail(done.error());
    }
    return {};
  }

  /// Until stdin ends: whoever asked has closed it, or is gone.
  Step Sync() const {
    TrainingEnvironment environment;
    environment.layout = LayoutOf(variables_);
    environment.s3_output = request_.uri;
    if (const auto job = variables_.find("TRAINING_JOB_NAME"); job != variables_.end()) {
      environment.job_name = job->second;
    }
    auto output = IntermediateOutput::Start(environment, variables_);
    if (!output) return ClientError(output.error().message());
    Tell({});
    AwaitEndOfInput();
    if (*output == nullptr) return {};
    const auto relay = usercode::StopRelay::Start(runner_.held(), kPlatformGrace - kOwnEnd);
    (*output)->Finish(SecondsOf(variables_, "BERTH_UPLOAD_GRACE_SECONDS", kDefaultUploadGrace),
                      relay ? &(*relay)->cancellation() : nullptr);
    return {};
  }

  static void AwaitEndOfInput() {
    std::array<char, 256> ignored{};
    for (;;) {
      const ssize_t n = ::read(STDIN_FILENO, ignored.data(), ignored.size());
      if (n == 0 || (n < 0 && errno != EINTR)) return;
    }
  }

  const EntryPointRequest& request_;
  const Variables variables_;
  CommandRunner runner_;
  const int result_;
  Secrets secrets_;
};

}  // namespace

std::string ResultOfBadRequest(const Error& error) {
  return ResultLine(ClientError(error.message()), {}, {});
}

int RunEntryPoint(const EntryPointRequest& request, const Variables& variables, int result) {
  const HeldSignals held;
  Requested requested(request, variables, held, result);
  const Step failure = requested.Run();
  // What has begun was told when it did.
  if (failure || request.only != Only::kSync) requested.Tell(failure);
  usercode::TakePending(held);
  if (!failure) return 0;
  if (failure->type != "ExecuteUserScriptError") {
    log::Error(kRoom, "{}", requested.secrets().Mask(failure->message));
  }
  return failure->exit_code != 0 ? failure->exit_code : 1;
}

}  // namespace berth::training
