// Keys and paths: which file an object becomes, which key a file gets, how a key is written in a
// request.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "core/error.h"
#include "storage/uri.h"

namespace berth::storage {

/// Percent-encoded for a request's path: every byte but A-Z a-z 0-9 - . _ ~ and '/'. What is
/// signed must be written exactly so.
std::string EncodedPath(std::string_view key);

/// The same with '/' encoded too: for a query's names and values.
std::string EncodedQuery(std::string_view text);

/// Undoes either; an incomplete escape stays as it is. With `plus_is_space`, '+' is a space, as in
/// listings with encoding-type=url.
std::string Decoded(std::string_view text, bool plus_is_space = false);

/// What an object of a listed prefix is below the directory the prefix becomes.
struct LocalName {
  /// "a/b", relative, plain; empty where the key is the prefix itself.
  std::string path;
  /// The key ends in '/': consoles make such objects to show an empty folder.
  bool directory = false;
};

/// Fails, naming the object, for keys that cannot be a path below a directory: with an empty, "."
/// or ".." segment, a zero byte, a segment above 255 bytes, or a whole too long for a path.
///
/// `object.key` begins with `prefix`. A prefix is a directory here: for "data" the object "data/x"
/// becomes "x". S3 itself matches by characters, and lists "database/y" too: Belongs() tells them
/// apart.
[[nodiscard]] Result<LocalName> LocalNameOf(const S3Uri& object, std::string_view prefix);

/// True where `key` is `prefix` or below it, segment-wise.
bool Belongs(std::string_view key, std::string_view prefix);

/// The key of the file `relative` below an uploaded directory. Fails, naming the file, where its
/// name is not UTF-8 or the key would be longer than S3 allows.
[[nodiscard]] Result<S3Uri> ObjectOf(const std::filesystem::path& relative, const S3Uri& prefix);

}  // namespace berth::storage
