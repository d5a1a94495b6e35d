// What S3 knows of an object.
#pragma once

#include <cstdint>
#include <string>

namespace berth::storage {

struct ObjectInfo {
  std::string key;
  uint64_t size = 0;
  /// Without its quotes. Changes whenever the content does. May be empty with servers that are
  /// not Amazon's.
  std::string etag;
  /// Seconds since 1970; 0 where it is not known. Only listings and Head() tell it.
  int64_t modified = 0;
};

}  // namespace berth::storage
