// `berth local train`: a training job on this machine.
#include "cli/local.h"
#include "core/files.h"
#include "core/log.h"
#include "platform/training_job.h"
#include "platform/validate.h"

namespace berth::cli {
namespace {

constexpr char kFooter[] =
    R"(The job sees a private /opt/ml with its channels read-only, and every variable that the
platform sets. --output keeps model.tar.gz, output.tar.gz, logs/, metrics.json, job.json and
checkpoints/. Flags win over the job file. Several hosts (algo-1, algo-2 …) have namespaces and a
network of their own, and reach one another, but nothing else. See docs/local.md.

Exit codes: 0 Completed; 1 Failed; 2 refused, nothing was run; 124 stopped by --max-runtime;
128+N stopped by signal N (130: Ctrl-C).

Examples:
  berth local train --source src --entry-point train.py --channel train=data/train \
      --hyperparameter epochs=3 --metric 'loss=loss=([0-9.]+)'
  berth local train job.json --max-runtime 60
  berth local train job.json --instance-count 4
  berth local train job.json --hyperparameter lr=0.1 --name second-try
  berth local train job.json --channel train=s3://bucket/data/ --interrupt-after 60)";

/// A CreateTrainingJob request has limits; this is far above what they let through.
constexpr size_t kJobFileLimit = size_t{16} << 20;

struct Options {
  std::string job_file;
  std::string output;
  std::optional<long long> interrupt_after;
  platform::TrainingJobFlags flags;
};

int Refuse(const std::string& message) {
  log::Error("local", "{}", message);
  return platform::kExitRefused;
}

int LocalTrain(const Context& context, const Options& options) {
  platform::TrainingJobRequest request;
  if (!options.job_file.empty()) {
    const auto text = ReadFile(options.job_file, kJobFileLimit);
    if (!text) return Refuse(text.error().message());
    auto parsed = platform::ParseTrainingJobRequest(*text);
    if (!parsed) return Refuse(parsed.error().Within("\"" + options.job_file + "\"").message());
    request = *std::move(parsed);
  }
  const auto working_directory = WorkingDirectory();
  if (!working_directory) return Refuse(working_directory.error().message());
  const auto problems = platform::ApplyFlags(options.flags, *working_directory, request);
  if (!problems.empty()) {
    for (const std::string& problem : problems) Refuse(problem);
    // What else is wrong is told at once.
    for (const std::string& problem : platform::Validate(request).problems) Refuse(problem);
    return platform::kExitRefused;
  }
  platform::LocalOptions local;
  local.output = options.output;
  local.working_directory = *working_directory;
  local.variables = context.variables;
  if (options.interrupt_after) {
    local.interrupt_after = std::chrono::seconds(*options.interrupt_after);
  }
  return platform::RunTrainingJob(std::move(request), local);
}

}  // namespace

void AddLocalTrain(CLI::App& parent, const Context& context, Action& action) {
  CLI::App* command = parent.add_subcommand("train", "Run a training job on this machine");
  command->footer(kFooter);
  auto options = std::make_shared<Options>();
  platform::TrainingJobFlags& flags = options->flags;
  const auto repeated = [command](const char* name, std::vector<std::string>& values,
                                  const char* type, const char* help) {
    AddRepeated(*command, name, values, type, help);
  };
  command->add_option("JOB", options->job_file, "A CreateTrainingJob request as a JSON file")
      ->type_name("FILE");
  command->add_option("--source", flags.source, "The user's code: a directory or .tar.gz")
      ->type_name("DIR");
  command->add_option("--entry-point", flags.entry_point, "The script to run, below --source")
      ->type_name("FILE");
  repeated("--channel", flags.channels, "NAME=PLACE",
           "An input channel: a folder, a file or s3://; may be repeated");
  repeated("--hyperparameter", flags.hyperparameters, "KEY=VALUE",
           "For the script; may be repeated");
  repeated("--env", flags.environment, "KEY=VALUE", "A variable of the job; may be repeated");
  repeated("--metric", flags.metrics, "NAME=REGEX", "A metric in the log; may be repeated");
  command
      ->add_option("--instance-count", flags.instance_count,
                   "Run the job on so many hosts (default: what the job file says, else 1)")
      ->type_name("N");
  command->add_option("--max-runtime", flags.max_runtime, "Stop the job after so many seconds")
      ->type_name("SECONDS");
  command
      ->add_option("--interrupt-after", options->interrupt_after,
                   "Interrupt the job once after so many seconds, as a spot instance is")
      ->check(CLI::Range(1LL, 10'000'000LL))
      ->type_name("SECONDS");
  command->add_option("--name", flags.name, "The job's name (default: entry point and time)")
      ->type_name("NAME");
  command
      ->add_option("--output", options->output, "The job's directory (default: berth-jobs/<name>)")
      ->type_name("DIR");
  command->callback([&context, &action, options] {
    action = [&context, options] { return LocalTrain(context, *options); };
  });
}

}  // namespace berth::cli
