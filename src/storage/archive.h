// Archives as SageMaker moves them: tar, compressed with gzip.
//
// Extraction meets strangers' bytes. It never writes outside the destination, whatever the archive
// says, and never follows a link on the way: every step is relative to the descriptor of a folder
// that it made or opened itself. Names are bytes: they arrive as they are, in any locale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"

namespace berth::storage {

/// Fills `buffer` with the next bytes of an archive and returns how many there were; 0 is the end.
/// Blocks until there are some. A failed one is not called again; the function that read returns
/// its Error, within what it was doing.
using ByteSource = std::function<Result<size_t>(std::span<char> buffer)>;

/// Reads on from a descriptor's present place. The caller keeps it open, and closes it.
ByteSource FromDescriptor(int fd);

/// More than this is taken for an archive made to fill a disk.
struct ExtractLimits {
  uint64_t max_entries = 2'000'000;
  /// Of the archive after decompression, and of all files as they would be read (a sparse file
  /// counts with its whole size).
  uint64_t max_bytes = uint64_t{512} << 30;

  /// BERTH_EXTRACT_MAX_ENTRIES and BERTH_EXTRACT_MAX_BYTES, whole numbers; the limits above where
  /// they are not set. Fails where one is no number: a limit that is not understood must not be
  /// taken for none.
  [[nodiscard]] static Result<ExtractLimits> FromEnvironment(
      const std::map<std::string, std::string>& variables);
};

struct ExtractSummary {
  uint64_t entries = 0;
  uint64_t bytes = 0;  // of the files' content
};

/// Extracts a .tar.gz (or a .tar) while it is being read, into `destination`, which must be an
/// empty directory or not exist. Reads to the end, so that a damaged checksum is seen.
///
/// Refused, with the entry named: absolute names and "..", names that lead through a link, links
/// that leave the tree, devices, FIFOs and sockets, set-id files, a file where a folder is and the
/// other way round. Links' targets may climb ("../../x") only at their beginning and not above the
/// tree, so no chain of links can lead out of it.
///
/// Kept: modes less set-id, sticky and write-for-others; modification times; links inside the
/// tree; holes. Owner is the caller. A later entry of the same name replaces the earlier file. The
/// entry "./" changes nothing.
///
/// After an error nothing of it stays: the destination is empty again, or gone if it was not there.
[[nodiscard]] Result<ExtractSummary> ExtractTarGz(const ByteSource& source,
                                                  const std::filesystem::path& destination,
                                                  const ExtractLimits& limits = {});

/// The same from a file; errors name it.
[[nodiscard]] Result<ExtractSummary> ExtractTarGzFile(const std::filesystem::path& archive,
                                                      const std::filesystem::path& destination,
                                                      const ExtractLimits& limits = {});

struct CreateReport {
  uint64_t entries = 0;
  uint64_t bytes = 0;  // of the files' content
  /// One sentence for each thing left out or not as it was found: sockets, FIFOs and devices, files
  /// that vanished or changed while they were read, links that are absolute or lead out of the
  /// directory. The first
  /// kMaxWarnings of them.
  std::vector<std::string> warnings;
};

inline constexpr size_t kMaxWarnings = 20;

/// Writes what `directory` holds as a .tar.gz: names relative to it without "./", in byte order,
/// folders before their content, links as links, owner 0:0, times in whole seconds. The same
/// content gives the same bytes. An empty directory gives an archive without entries.
///
/// `output` appears whole or not at all (written beside it, then renamed; its folder must exist);
/// it may lie inside `directory` and is not packed then. A file that cannot be read is an error
/// that names it. A file that grows or shrinks meanwhile is cut or padded with zeros to the size it
/// had when it was opened, with a warning.
[[nodiscard]] Result<CreateReport> CreateTarGz(const std::filesystem::path& directory,
                                               const std::filesystem::path& output);

struct ArchiveEntry {
  std::string name;  // as extracted: no "./", no trailing slash
  uint64_t size = 0;
  bool is_directory = false;
  std::string link_target;  // of symbolic and hard links, else empty
};

/// What an archive holds, in its order, at most `limit` entries. Content is read and checked, but
/// not kept. Names are as written: not safe to open.
[[nodiscard]] Result<std::vector<ArchiveEntry>> ListTarGz(const std::filesystem::path& archive,
                                                          size_t limit = 10'000);

}  // namespace berth::storage
