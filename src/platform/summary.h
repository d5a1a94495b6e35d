// What is printed when a job is over.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "platform/console.h"
#include "platform/job_record.h"
#include "platform/metrics.h"
#include "platform/request.h"

namespace berth::platform {

/// How the job ended, why, its metrics with their curves, and the files it left under `root`.
std::string Summary(const JobRecord& record, const std::filesystem::path& root,
                    const std::vector<Host>& hosts, const std::vector<Series>& series,
                    const Terminal& terminal, Time now);

/// "317 B", "1.2 kB", "3.4 GB".
std::string SizeText(uintmax_t bytes);

}  // namespace berth::platform
