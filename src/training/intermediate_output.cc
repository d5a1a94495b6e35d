#include "training/intermediate_output.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/files.h"
#include "core/log.h"
#include "core/text.h"
#include "storage/settings.h"
#include "storage/uri.h"

namespace berth::training {
namespace {

constexpr std::string_view kRoom = "intermediate";

/// Where the platform would put it, too: <prefix>/<job>/output/intermediate.
storage::S3Uri PlaceOf(storage::S3Uri prefix, const std::string& job) {
  prefix.key.erase(0, prefix.key.find_first_not_of('/'));
  if (!job.empty()) prefix = prefix.Below(job);
  return prefix.Below("output/intermediate");
}

}  // namespace

Result<std::unique_ptr<IntermediateOutput>> IntermediateOutput::Start(
    const contract::TrainingEnvironment& environment, const process::Variables& variables) {
  if (environment.s3_output.empty()) return nullptr;
  const std::filesystem::path folder = environment.layout.output_intermediate;
  std::error_code error;
  if (std::filesystem::exists(folder, error)) {
    log::Info(kRoom, "\"{}\" exists: it is the platform that uploads it", folder.string());
    return nullptr;
  }
  const auto parsed = storage::ParseUri(environment.s3_output);
  if (!parsed) return Fail(parsed.error().Within("the hyperparameter sagemaker_s3_output"));
  BERTH_TRY(MakeDirectories(folder));
  const auto* prefix = std::get_if<storage::S3Uri>(&*parsed);
  if (prefix == nullptr) return nullptr;

  const storage::S3Uri place = PlaceOf(*prefix, environment.job_name);
  auto settings = storage::Settings::FromEnvironment(variables);
  if (!settings) {
    return Fail(settings.error().Within("cannot upload the intermediate output"));
  }
  if (settings->region.empty()) settings->region = environment.region;
  storage::FolderSyncOptions options;
  options.component = kRoom;
  BERTH_ASSIGN(auto sync, storage::FolderSync::Start(
                              folder, storage::MakeSyncTarget(place, *std::move(settings)),
                              std::move(options)));
  log::Info(kRoom, "files in \"{}\" are uploaded to {}/", folder.string(), place.Text());
  return std::unique_ptr<IntermediateOutput>(new IntermediateOutput(place.Text(), std::move(sync)));
}

void IntermediateOutput::Finish(std::chrono::milliseconds limit,
                                const storage::Cancellation* cancel) {
  const storage::FolderSyncReport report = sync_->Finish(limit, cancel);
  if (report.files > 0) {
    log::Info(kRoom, "{} upload(s), {} bytes, to {}/", report.files, report.bytes, place_);
  }
  if (report.complete()) return;
  // Most often all have one reason: it is said once.
  std::string others;
  for (const auto& [file, reason] : report.named) {
    const std::string name = Quoted(file);
    if (&file != &report.named.front().file) {
      others += fmt::format("{}{}", others.empty() ? "" : ", ", name);
    } else if (reason.starts_with(name)) {
      log::Error(kRoom, "not uploaded: {}", reason);
    } else {
      log::Error(kRoom, "not uploaded: {}: {}", name, reason);
    }
  }
  if (report.missing > report.named.size()) {
    others += fmt::format(" and {} more", report.missing - report.named.size());
  }
  if (!others.empty()) log::Error(kRoom, "not uploaded, either: {}", others);
  if (report.unread) {
    log::Error(kRoom, "the folder could not be read to its end: other files may be missing, too");
  }
}

}  // namespace berth::training
