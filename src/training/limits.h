// Limits that are settings: variables of the process that hold seconds.
#pragma once

#include <chrono>
#include <string>

#include "process/supervisor.h"

namespace berth::training {

/// The platform kills a container so long after its SIGTERM.
inline constexpr std::chrono::milliseconds kPlatformGrace{120'000};

/// Of it we keep so much for our own end.
inline constexpr std::chrono::milliseconds kOwnEnd{5'000};

/// Uploads may delay the end of a job by this (BERTH_UPLOAD_GRACE_SECONDS).
inline constexpr std::chrono::milliseconds kDefaultUploadGrace{600'000};

/// The value of `name`, where it is a number of seconds up to a day; else `usual`, with a warning
/// where it is set.
std::chrono::milliseconds SecondsOf(const process::Variables& variables, const std::string& name,
                                    std::chrono::milliseconds usual);

}  // namespace berth::training
