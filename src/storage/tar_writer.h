// Writes a .tar.gz to a descriptor: libarchive's writer, GNU flavour.
//
// GNU's and not pax: it stores names as the bytes they are, where pax wants UTF-8 and libarchive
// cannot convert in the C locale. Every tar reads it, with names and sizes of any length.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <span>
#include <string>

#include "core/error.h"

struct archive;

namespace berth::storage {

class TarWriter {
 public:
  /// Writes to `fd`, which stays the caller's.
  [[nodiscard]] static Result<TarWriter> Open(int fd);

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
  struct Free {
    void operator()(archive* writer) const;
  };
  explicit TarWriter(archive* writer) : writer_(writer) {}

  Result<void> AddHeader(const std::string& name, unsigned type, uint64_t size, unsigned mode,
                         std::time_t time, const std::string& target);
  std::unexpected<Error> Failure() const;

  std::unique_ptr<archive, Free> writer_;
};

}  // namespace berth::storage
