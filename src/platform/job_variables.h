// The environment variables that a job's container starts with. Pure.
#pragma once

#include <map>
#include <string>

#include "platform/request.h"

namespace berth::platform {

/// The account of jobs that run on this machine.
inline constexpr const char* kLocalAccount = "000000000000";

/// AWS_REGION, else AWS_DEFAULT_REGION, else us-east-1.
std::string RegionOf(const std::map<std::string, std::string>& variables);

std::string TrainingJobArn(const std::string& region, const std::string& name);

/// What of the caller's environment a container gets: all but SM_*, SAGEMAKER_*, TRAINING_JOB_*,
/// CURRENT_HOST and TF_CONFIG, which only mean something inside one; and AWS_REGION (RegionOf()).
std::map<std::string, std::string> CallersVariables(
    const std::map<std::string, std::string>& caller);

/// There is no image that brings an environment of its own, so the caller's is the base: its PATH
/// and virtual environment find the interpreter (CallersVariables()). The request's Environment
/// wins over it, TRAINING_JOB_NAME and TRAINING_JOB_ARN over all.
std::map<std::string, std::string> JobVariables(const TrainingJob& job,
                                                const std::map<std::string, std::string>& caller);

}  // namespace berth::platform
