// After a job: what it left goes where OutputDataConfig.S3OutputPath says.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/error.h"
#include "platform/errand.h"
#include "platform/job_directory.h"
#include "platform/request.h"

namespace berth::platform {

/// "<S3OutputPath>/<job>/output/model.tar.gz", or "…/model/" where the model stays uncompressed.
/// The job's S3OutputPath is an s3:// one.
std::string ModelUri(const TrainingJob& job);

/// The work of an errand: output.tar.gz and, where there is one, the model, from the job's
/// directory; before them intermediate output, where that is the platform's (IntermediateUri()).
/// Returns lines for the log. Links in a model are followed within it. The error is the platform's:
/// "ClientError: Artifact upload failed: …".
[[nodiscard]] Result<std::string> UploadOutputs(const TrainingJob& job,
                                                const JobDirectory& directory,
                                                const std::map<std::string, std::string>& variables,
                                                const Superior& superior);

}  // namespace berth::platform
