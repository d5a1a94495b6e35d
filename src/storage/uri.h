// Names of places: s3://bucket/key and file://path.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

#include "core/error.h"

namespace berth::storage {

/// An object, or, as a prefix, all objects whose keys begin with `key`.
struct S3Uri {
  std::string bucket;
  /// As S3 stores it, not percent-encoded. May be empty only where a prefix is meant.
  std::string key;

  /// "s3://bucket/key", for messages.
  std::string Text() const;

  /// The object or prefix `name` below this prefix: one '/' between, whether or not `key` ends
  /// in one.
  S3Uri Below(std::string_view name) const;

  bool operator==(const S3Uri&) const = default;
};

/// A file or directory of this machine.
struct FileUri {
  std::filesystem::path path;
  bool operator==(const FileUri&) const = default;
};

using Uri = std::variant<S3Uri, FileUri>;

/// True for "s3://…", whether or not the rest of it is valid.
bool IsS3(std::string_view text);

/// "s3://bucket[/key]". The key is taken as it stands, as the AWS CLI and SageMaker take it: '%',
/// '?' and '#' mean themselves. The error quotes `text` and says what is wrong with it.
[[nodiscard]] Result<S3Uri> ParseS3Uri(std::string_view text);

/// s3:// as above or "file://path"; a path is taken as it stands too, and may be relative
/// ("file://./data") as in the SageMaker SDK's local mode.
[[nodiscard]] Result<Uri> ParseUri(std::string_view text);

}  // namespace berth::storage
