// Code that is in S3.
#pragma once

#include <filesystem>
#include <string>

#include "core/error.h"
#include "usercode/usercode.h"

namespace berth::usercode {

/// Fetch() for an s3:// address into the empty directory `code`. After an error something may be
/// in it.
[[nodiscard]] Result<void> FetchFromS3(const std::string& address,
                                       const std::filesystem::path& code, const S3Access& access);

}  // namespace berth::usercode
