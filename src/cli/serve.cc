#include "serving/serve.h"

#include <fmt/format.h>
#include <sys/types.h>

#include <memory>

#include "cli/command.h"
#include "core/log.h"
#include "process/parent.h"
#include "training/job.h"

namespace berth::cli {
namespace {

constexpr char kFooter[] =
    R"(  berth serve -- COMMAND [ARGUMENTS...]

Serves the model in /opt/ml/model with the handler in code/ of it (model_fn, input_fn, predict_fn,
output_fn, or transform_fn), or the WSGI application that SAGEMAKER_SERVING_MODULE=module:app names.
Routes: /invocations, /ping, /execution-parameters, /metrics.

Everything is set by variables, the contract's and ours; docs/serving.md has all of them:
  SAGEMAKER_PROGRAM                  the handler's file (inference.py)
  SAGEMAKER_BIND_TO_PORT             8080
  SAGEMAKER_MODEL_SERVER_WORKERS     as many as CPUs and memory allow
  SAGEMAKER_MODEL_SERVER_TIMEOUT     seconds for a request (60)
  SAGEMAKER_STARTUP_TIMEOUT          seconds to load the model (600)
  SAGEMAKER_MAX_PAYLOAD_IN_MB        the largest body (100)
  SAGEMAKER_CONTAINER_LOG_LEVEL      20: info
  BERTH_QUEUE_LENGTH                 requests that may wait (1024)
  BERTH_DRAIN_SECONDS                for requests that are here at SIGTERM (25)
  BERTH_LOG_FORMAT                   text or json

Behind "--", COMMAND is any other server: it listens on SAGEMAKER_BIND_TO_PORT itself, is started
again where it fails, and is ended as the platform wants it.

Exit codes: 0 asked to end, and every request was answered; 1 workers cannot load the model or die
again and again; 2 wrong configuration: a variable, the handler, the model directory, the port.)";

int Run(const Context& context, pid_t parent) {
  if (parent != 0) process::EndWithParent(parent);
  const auto environment =
      contract::ReadServingEnvironment(training::LayoutOf(context.variables), context.variables);
  if (!environment) {
    log::Error("serve", "{}", environment.error().message());
    return serving::kExitRefused;
  }
  if (!context.after_dashes.empty()) {
    return serving::ServeCommand(*environment, context.variables, context.after_dashes);
  }
  return serving::Serve(*environment, context.variables);
}

}  // namespace

void AddServe(CLI::App& parent, const Context& context, Action& action) {
  CLI::App* command = parent.add_subcommand("serve", "Serve a model over HTTP");
  command->footer(kFooter);
  auto starter = std::make_shared<pid_t>(0);
  AddParent(*command, *starter);
  command->callback([&context, &action, starter] {
    action = [&context, starter] { return Run(context, *starter); };
  });
}

}  // namespace berth::cli
