#include "platform/upload_outputs.h"

#include <fmt/format.h>

#include "platform/hosts.h"
#include "platform/progress.h"
#include "platform/summary.h"
#include "storage/s3_client.h"
#include "storage/transfer.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;
using storage::S3Uri;

Result<S3Uri> Prefix(const TrainingJob& job) {
  BERTH_ASSIGN(const S3Uri path, storage::ParseS3Uri(job.output_uri));
  return path.Below(job.name).Below("output");
}

/// What several hosts left there, at once, where one host's `train` would bring it while it is
/// written.
Result<std::string> UploadIntermediate(const TrainingJob& job, const JobDirectory& directory,
                                       storage::S3Client& client,
                                       const storage::TransferOptions& options) {
  const fs::path folder = directory.root() / "intermediate";
  std::error_code missing;
  if (IntermediateUri(job).empty() || !fs::is_directory(folder, missing)) return std::string();
  BERTH_ASSIGN(const S3Uri path, storage::ParseS3Uri(IntermediateUri(job)));
  const S3Uri prefix = path.Below(job.name).Below("output/intermediate");
  BERTH_ASSIGN(const storage::TransferReport report,
               storage::UploadDirectory(client, folder, prefix, options,
                                        directory.seen_as("output/intermediate", job.hosts)));
  return fmt::format("uploaded {} file{} of intermediate output to {}/\n", report.files,
                     report.files == 1 ? "" : "s", prefix.Text());
}

Result<std::string> Upload(const TrainingJob& job, const JobDirectory& directory,
                           const std::map<std::string, std::string>& variables,
                           const Superior& superior) {
  const fs::path& root = directory.root();
  BERTH_ASSIGN(storage::Settings settings, storage::Settings::FromEnvironment(variables));
  BERTH_ASSIGN(const auto client, storage::S3Client::Open(std::move(settings), &superior.cancel()));
  const storage::TransferOptions options{
      .cancel = &superior.cancel(),
      .progress = [&](const storage::Progress& now) { superior.Tell(ProgressText(now)); }};

  BERTH_ASSIGN(std::string lines, UploadIntermediate(job, directory, *client, options));
  if (!storage::IsS3(job.output_uri)) return lines;
  BERTH_ASSIGN(const S3Uri prefix, Prefix(job));
  BERTH_ASSIGN(const auto transfers, storage::Transfers::Start(*client, options));
  std::error_code missing;
  for (const char* name : {"output.tar.gz", "model.tar.gz"}) {
    const uintmax_t size = fs::file_size(root / name, missing);
    if (!missing) BERTH_TRY(transfers->Put(root / name, size, prefix.Below(name)));
  }
  BERTH_ASSIGN(storage::TransferReport report, transfers->Finish());
  if (fs::is_directory(root / "model", missing)) {
    BERTH_ASSIGN(const storage::TransferReport model,
                 storage::UploadDirectory(*client, root / "model", prefix.Below("model"), options,
                                          directory.seen_as("model", job.hosts)));
    report.files += model.files;
    report.bytes += model.bytes;
  }
  return lines + fmt::format("uploaded {} file{} ({}) to {}/", report.files,
                             report.files == 1 ? "" : "s", SizeText(report.bytes), prefix.Text());
}

}  // namespace

std::string ModelUri(const TrainingJob& job) {
  const auto prefix = Prefix(job);
  if (!prefix) return "";
  return prefix->Below(job.plain_model ? "model/" : "model.tar.gz").Text();
}

Result<std::string> UploadOutputs(const TrainingJob& job, const JobDirectory& directory,
                                  const std::map<std::string, std::string>& variables,
                                  const Superior& superior) {
  auto done = Upload(job, directory, variables, superior);
  if (!done) return Fail(done.error().Within("ClientError: Artifact upload failed"));
  return done;
}

}  // namespace berth::platform
