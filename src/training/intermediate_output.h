// output/intermediate: what the script leaves there is uploaded while it runs.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "contract/training_environment.h"
#include "core/error.h"
#include "process/supervisor.h"
#include "storage/cancellation.h"
#include "storage/folder_sync.h"

namespace berth::training {

/// From before the user's code runs until after it has ended; docs/intermediate-output.md.
class IntermediateOutput {
 public:
  /// Starts where the job asks for it (sagemaker_s3_output), or returns null: where it does not,
  /// where output/intermediate exists (then the platform takes care of it), and for a file:// place
  /// (there the folder is the place). An Error is one of the job's configuration.
  ///
  /// Nothing of S3 is touched before there is a file to upload.
  [[nodiscard]] static Result<std::unique_ptr<IntermediateOutput>> Start(
      const contract::TrainingEnvironment& environment, const process::Variables& variables);

  /// Uploads what is not there yet, at most for `limit`, and says in the log what is not.
  void Finish(std::chrono::milliseconds limit, const storage::Cancellation* cancel);

 private:
  IntermediateOutput(std::string place, std::unique_ptr<storage::FolderSync> sync)
      : place_(std::move(place)), sync_(std::move(sync)) {}

  const std::string place_;
  const std::unique_ptr<storage::FolderSync> sync_;
};

}  // namespace berth::training
