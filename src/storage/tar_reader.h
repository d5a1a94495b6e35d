// A tar archive, entry after entry, as bytes: libarchive's reader behind our own decompression.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "storage/archive.h"
#include "storage/inflater.h"

struct archive;

namespace berth::storage {

enum class EntryKind { kFile, kDirectory, kSymbolicLink, kHardLink, kOther };

/// What an entry says about itself; nothing of it is checked.
struct TarEntry {
  std::string name;  // as written in the archive
  EntryKind kind = EntryKind::kFile;
  std::string link_target;
  uint64_t size = 0;
  unsigned mode = 0;
  std::timespec modified{};
};

class TarReader {
 public:
  TarReader(const ByteSource& source, uint64_t max_bytes);
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  /// The next entry; none at the end, which has then been checked.
  [[nodiscard]] Result<std::optional<TarEntry>> Next();

  struct Block {
    std::span<const char> bytes;
    uint64_t offset = 0;
  };
  /// The next piece of the present entry's content, with holes left out; none at its end.
  [[nodiscard]] Result<std::optional<Block>> NextBlock();

 private:
  struct Free {
    void operator()(archive* reader) const;
  };

  static ptrdiff_t Read(archive* reader, void* self, const void** bytes);
  Error Failure();

  Inflater inflater_;
  std::optional<Error> source_error_;
  std::unique_ptr<archive, Free> reader_;
  bool opened_ = false;
  std::string entry_name_;
};

}  // namespace berth::storage
