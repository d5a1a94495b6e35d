// Writes a .tar.gz to a descriptor.
//
// Ours and not libarchive's, whose tar writers drag every format it knows, and the libraries behind
// them, into a static binary. The format is GNU's: names are the bytes they are, of any length,
// where pax wants UTF-8. Every tar and Python's tarfile read it.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <ctime>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace berth::storage {

class TarWriter {
 public:
  /// Writes to `fd`, which stays the caller's.
  explicit TarWriter(int fd);
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;
  ~TarWriter();

  [[nodiscard]] Result<void> AddDirectory(const std::string& name, unsigned mode, std::time_t time);
  [[nodiscard]] Result<void> AddSymbolicLink(const std::string& name, const std::string& target,
                                             std::time_t time);
  /// Then `size` bytes in pieces by Write(); what is missing by the next call is zeros.
  [[nodiscard]] Result<void> AddFile(const std::string& name, uint64_t size, unsigned mode,
                                     std::time_t time);
  [[nodiscard]] Result<void> Write(std::span<const char> bytes);

  /// The end mark and gzip's checksum. Without it the archive is not one.
  [[nodiscard]] Result<void> Close();

 private:
  struct Header {
    std::string_view name;
    char type = '0';
    std::string_view link_target = {};
    uint64_t size = 0;
    unsigned mode = 0644;
    std::time_t time = 0;
  };

  Result<void> Begin(const Header& header);
  Result<void> PutHeader(const Header& header);
  Result<void> PutLong(char type, std::string_view text);
  Result<void> PutZeros(uint64_t count);
  Result<void> Put(std::string_view bytes, int flush = Z_NO_FLUSH);

  int fd_;
  z_stream zlib_{};
  bool ready_;
  std::vector<char> output_;
  uint64_t missing_ = 0;  // of the present file: content not yet written
  uint64_t padding_ = 0;  // and what then fills its last block
};

}  // namespace berth::storage
