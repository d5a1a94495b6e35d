#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "core/descriptor.h"
#include "core/text.h"
#include "storage/archive.h"
#include "storage/extraction_tree.h"
#include "storage/tar_reader.h"

namespace berth::storage {
namespace fs = std::filesystem;
namespace {

constexpr mode_t kKeptMode = 0775;
constexpr mode_t kSetId = S_ISUID | S_ISGID;

Result<void> WriteAt(int file, std::span<const char> bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return FailErrno("cannot write");
    }
    bytes = bytes.subspan(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return {};
}

Result<void> ExtractFile(TarReader& reader, const TarEntry& entry, const NameParts& name,
                         ExtractionTree& tree) {
  if ((entry.mode & kSetId) != 0) return Fail("it is a set-id file");
  BERTH_ASSIGN(const Descriptor file, tree.AddFile(name));
  for (;;) {
    BERTH_ASSIGN(const auto block, reader.NextBlock());
    if (!block) break;
    if (block->offset > entry.size || block->bytes.size() > entry.size - block->offset) {
      return Fail("it holds more than its size says");
    }
    BERTH_TRY(WriteAt(file.get(), block->bytes, block->offset));
  }
  // A file may end in a hole.
  if (::ftruncate(file.get(), static_cast<off_t>(entry.size)) != 0)
    return FailErrno("cannot write");
  if (::fchmod(file.get(), entry.mode & kKeptMode) != 0) return FailErrno("cannot set its mode");
  const std::timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, entry.modified};
  if (::futimens(file.get(), times) != 0) return FailErrno("cannot set its time");
  return {};
}

Result<void> ExtractEntry(TarReader& reader, const TarEntry& entry, ExtractionTree& tree) {
  BERTH_ASSIGN(const NameParts name, SplitEntryName(entry.name));
  switch (entry.kind) {
    case EntryKind::kFile:
      return ExtractFile(reader, entry, name, tree);
    // A folder's set-group-id only hands its group on (shared folders have it): dropped.
    case EntryKind::kDirectory:
      return tree.AddDirectory(name, entry.mode & kKeptMode, entry.modified);
    case EntryKind::kSymbolicLink:
      return tree.AddSymbolicLink(name, entry.link_target, entry.modified);
    case EntryKind::kHardLink: {
      auto target = SplitEntryName(entry.link_target);
      if (!target) return Fail(target.error().Within("of the file it links to"));
      return tree.AddHardLink(name, *target);
    }
    case EntryKind::kOther:
      break;
  }
  return Fail("it is a device, FIFO or socket");
}

Result<ExtractSummary> ExtractAll(const ByteSource& source, ExtractionTree& tree,
                                  const ExtractLimits& limits) {
  TarReader reader(source, limits.max_bytes);
  ExtractSummary summary;
  for (;;) {
    BERTH_ASSIGN(const auto entry, reader.Next());
    if (!entry) break;
    if (++summary.entries > limits.max_entries) {
      return Fail(
          fmt::format("the archive has more than the allowed {} entries; if it is meant to, set "
                      "BERTH_EXTRACT_MAX_ENTRIES",
                      limits.max_entries));
    }
    if (entry->kind == EntryKind::kFile) {
      if (entry->size > limits.max_bytes - summary.bytes) {
        return Fail(
            fmt::format("the archive's files hold more than the allowed {} bytes; if they "
                        "are meant to, set BERTH_EXTRACT_MAX_BYTES",
                        limits.max_bytes));
      }
      summary.bytes += entry->size;
    }
    if (auto done = ExtractEntry(reader, *entry, tree); !done) {
      return Fail(done.error().Within(fmt::format("entry {}", Quoted(entry->name))));
    }
  }
  BERTH_TRY(tree.Finish());
  return summary;
}

Result<void> ReadLimit(const std::map<std::string, std::string>& variables, const std::string& name,
                       uint64_t& limit) {
  const auto found = variables.find(name);
  if (found == variables.end() || found->second.empty()) return {};
  const std::string& text = found->second;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (bad == std::errc() && end == text.data() + text.size() && limit > 0) return {};
  return Fail(fmt::format("cannot use the variable {}: expected a whole number above 0, found {}",
                          name, Quoted(text)));
}

}  // namespace

Result<ExtractLimits> ExtractLimits::FromEnvironment(
    const std::map<std::string, std::string>& variables) {
  ExtractLimits limits;
  BERTH_TRY(ReadLimit(variables, "BERTH_EXTRACT_MAX_ENTRIES", limits.max_entries));
  BERTH_TRY(ReadLimit(variables, "BERTH_EXTRACT_MAX_BYTES", limits.max_bytes));
  return limits;
}

ByteSource FromDescriptor(int fd) {
  return [fd](std::span<char> buffer) -> Result<size_t> {
    for (;;) {
      const ssize_t n = ::read(fd, buffer.data(), buffer.size());
      if (n >= 0) return static_cast<size_t>(n);
      if (errno != EINTR) return FailErrno("cannot read");
    }
  };
}

Result<ExtractSummary> ExtractTarGz(const ByteSource& source, const fs::path& destination,
                                    const ExtractLimits& limits) {
  BERTH_ASSIGN(ExtractionTree tree, ExtractionTree::Open(destination));
  auto summary = ExtractAll(source, tree, limits);
  if (!summary) tree.Undo();
  return summary;
}

Result<ExtractSummary> ExtractTarGzFile(const fs::path& archive, const fs::path& destination,
                                        const ExtractLimits& limits) {
  const std::string what = fmt::format("cannot extract \"{}\"", archive.string());
  const Descriptor file(::open(archive.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return FailErrno(what);
  auto summary = ExtractTarGz(FromDescriptor(file.get()), destination, limits);
  if (!summary) return Fail(summary.error().Within(what));
  return summary;
}

}  // namespace berth::storage
