// The bytes of a tar archive out of a .tar.gz (or a plain .tar), checked.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <span>
#include <vector>

#include "storage/archive.h"

namespace berth::storage {

/// Decompresses while it reads. Done here and not by libarchive because that does not compare
/// gzip's checksum: a flipped bit would pass as content. Knows gzip by its first two bytes. Several
/// gzip members in a row are one stream (pigz, cat).
class Inflater {
 public:
  enum class Takes {
    kAnything,  ///< what is no gzip passes through, and what follows the last member and is none is
                ///< ignored, as gzip and Python do with padding
    kGzip,      ///< both are errors, but for zeros at the end; nothing at all is nothing
  };

  /// Fails once more than `max_bytes` have come out.
  Inflater(const ByteSource& source, uint64_t max_bytes, Takes takes = Takes::kAnything);
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater();

  /// The next bytes, valid until the next call; empty at the end.
  [[nodiscard]] Result<std::span<const char>> Next();

  /// Reads to the end, for the checks that wait there.
  [[nodiscard]] Result<void> Drain();

  /// After the end: nothing came at all.
  bool empty() const { return total_ == 0; }

  /// After the end: an uncompressed archive that does not end in a block of zeros, so that only its
  /// length could tell whether it was cut off between two entries.
  bool LacksEndMark() const { return format_ == Format::kPlain && trailing_zeros_ < kTarBlock; }

 private:
  enum class Format { kUnknown, kPlain, kGzip };
  static constexpr uint64_t kTarBlock = 512;

  Result<void> Fill(size_t at_least);
  Result<void> TellFormat();
  Result<std::span<const char>> NextPlain();
  Result<std::span<const char>> NextInflated();
  Result<bool> StartNextMember();
  Result<std::span<const char>> Count(std::span<const char> bytes);

  const ByteSource& source_;
  uint64_t max_bytes_;
  Takes takes_;
  uint64_t total_ = 0;
  uint64_t trailing_zeros_ = 0;
  Format format_ = Format::kUnknown;
  bool source_ended_ = false;
  bool stream_ended_ = false;
  std::vector<char> input_;
  std::span<char> pending_;  // of input_: read, not yet used
  std::vector<char> output_;
  z_stream zlib_{};
};

}  // namespace berth::storage
