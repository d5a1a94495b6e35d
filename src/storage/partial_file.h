// A file that appears under its name only when it is whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "core/descriptor.h"
#include "core/error.h"

namespace berth::storage {

/// Has another name beside `target` until Commit(); removed if that never comes.
class PartialFile {
 public:
  /// Makes missing folders. Reserves `size` bytes, so that a disk that is too small says so now.
  [[nodiscard]] static Result<PartialFile> Make(const std::filesystem::path& target, uint64_t size);

  PartialFile(PartialFile&& other) noexcept;
  PartialFile& operator=(PartialFile&&) = delete;
  ~PartialFile();

  /// From any thread.
  [[nodiscard]] Result<void> Write(std::string_view bytes, uint64_t offset) const;
  /// The bytes that were written there, or fewer where the file ends.
  [[nodiscard]] Result<size_t> Read(char* buffer, size_t size, uint64_t offset) const;

  /// Gives it its name, replacing what had it.
  [[nodiscard]] Result<void> Commit();

 private:
  PartialFile(std::filesystem::path target, std::string temporary, Descriptor file);
  std::filesystem::path target_;
  std::string temporary_;  // empty once it is committed or moved from
  Descriptor file_;
};

}  // namespace berth::storage
