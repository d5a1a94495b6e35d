// A profile's credential_process: a program that prints an access key.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "storage/cancellation.h"

namespace berth::storage {

/// What it printed. Shown nowhere.
struct PrintedCredentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // may be empty
  /// Nothing where they do not expire.
  std::optional<std::chrono::system_clock::time_point> expires;
};

/// The command's words, as boto3 sees them: parted by spaces, with '…', "…" and \ as in a shell,
/// and nothing else of one. Fails where a quote is open at the end, or there are none.
[[nodiscard]] Result<std::vector<std::string>> WordsOf(std::string_view command);

/// Reads `{"Version": 1, "AccessKeyId": …, "SecretAccessKey": …, "SessionToken": …,
/// "Expiration": "<ISO 8601>"}`, the last two optional. Errors hold nothing of it.
[[nodiscard]] Result<PrintedCredentials> ParsePrinted(std::string_view json);

/// Runs the command, without a shell, and reads what it prints. With all that it started it is
/// killed at `deadline` (ETIMEDOUT) and at a cancellation (ECANCELED). Blocks.
///
/// We do not let the AWS Common Runtime do it: that waits without limit, and for as long the
/// process cannot exit().
[[nodiscard]] Result<PrintedCredentials> RunCredentialProcess(
    std::string_view command, std::chrono::steady_clock::time_point deadline,
    const Cancellation* cancel);

}  // namespace berth::storage
