#include "cli/command.h"
#include "training/job.h"

namespace berth::cli {
namespace {

constexpr char kFooter[] =
    R"(Reads hyperparameters.json, inputdataconfig.json and resourceconfig.json under
/opt/ml/input/config (SAGEMAKER_BASE_DIR replaces /opt/ml), brings the user's code into
/opt/ml/code, installs it, runs it with its hyperparameters as arguments and the SM_*
variables, alone or under the launcher that the job asks for (MPI, torchrun, XLA, SMDDP,
TensorFlow; docs/distributed.md), and reports under /opt/ml/output.

Variables:
  BERTH_GRACE_SECONDS   from SIGTERM to SIGKILL for the script; default 100, the platform
                        itself kills the container after 120
  BERTH_UPLOAD_GRACE_SECONDS
                        how long uploads of output/intermediate may delay the end of the job;
                        default 600, after a SIGTERM at most what the platform leaves
  BERTH_EXTRACT_MAX_ENTRIES, BERTH_EXTRACT_MAX_BYTES
                        an archive of code with more is refused; default 2000000 and 512 GiB
  BERTH_MAX_RESTARTS, BERTH_WATCHDOG_SILENCE_SECONDS, BERTH_WATCHDOG_REGEX …
                        start a failed or stalled job again in place; docs/how-a-job-stops.md
  BERTH_CONTROL_PORT, BERTH_CLUSTER_KEY
                        the link between the hosts of a distributed job; docs/how-a-job-stops.md
  AWS_REGION, S3_ENDPOINT_URL, AWS_CA_BUNDLE, AWS_ACCESS_KEY_ID …
                        how S3 is reached, as in other AWS programs; docs/storage.md

Exit codes: 0 success; 1 a job that could not be started; 126 and 127 an entry point that could
not be executed or was not found; 128+N a script killed by signal N; else the script's own.

Examples:
  train
  SAGEMAKER_BASE_DIR=/tmp/ml berth train)";

}  // namespace

void AddTrain(CLI::App& parent, const Context& context, Action& action) {
  CLI::App* command =
      parent.add_subcommand("train", "Run the training job of this container (as SageMaker does)");
  command->footer(kFooter);
  command->callback([&] { action = [&context] { return training::RunJob(context.variables); }; });
}

}  // namespace berth::cli
