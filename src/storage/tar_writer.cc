#include "storage/tar_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

namespace berth::storage {

void TarWriter::Free::operator()(archive* writer) const {
  // A writer that is freed unclosed would try to complete a file that is about to be deleted.
  archive_write_fail(writer);
  archive_write_free(writer);
}

Result<TarWriter> TarWriter::Open(int fd) {
  TarWriter writer(archive_write_new());
  archive* const a = writer.writer_.get();
  if (archive_write_add_filter_gzip(a) != ARCHIVE_OK ||
      archive_write_set_format_gnutar(a) != ARCHIVE_OK ||
      // Same content, same bytes: gzip's header would hold the time of day.
      archive_write_set_filter_option(a, "gzip", "timestamp", nullptr) != ARCHIVE_OK ||
      archive_write_set_bytes_in_last_block(a, 1) != ARCHIVE_OK ||
      archive_write_open_fd(a, fd) != ARCHIVE_OK) {
    return writer.Failure();
  }
  return writer;
}

std::unexpected<Error> TarWriter::Failure() const {
  const char* const text = archive_error_string(writer_.get());
  return Fail(Error::System(archive_errno(writer_.get()), text != nullptr ? text : "cannot write"));
}

Result<void> TarWriter::AddHeader(const std::string& name, unsigned type, uint64_t size,
                                  unsigned mode, std::time_t time, const std::string& target) {
  const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(),
                                                                            archive_entry_free);
  archive_entry_set_pathname(entry.get(), name.c_str());
  archive_entry_set_filetype(entry.get(), type);
  archive_entry_set_perm(entry.get(), mode & 0777);
  archive_entry_set_size(entry.get(), static_cast<int64_t>(size));
  archive_entry_set_mtime(entry.get(), time, 0);
  if (type == AE_IFLNK) archive_entry_set_symlink(entry.get(), target.c_str());
  if (archive_write_header(writer_.get(), entry.get()) < ARCHIVE_WARN) return Failure();
  return {};
}

Result<void> TarWriter::AddDirectory(const std::string& name, unsigned mode, std::time_t time) {
  return AddHeader(name, AE_IFDIR, 0, mode, time, {});
}

Result<void> TarWriter::AddSymbolicLink(const std::string& name, const std::string& target,
                                        std::time_t time) {
  return AddHeader(name, AE_IFLNK, 0, 0777, time, target);
}

Result<void> TarWriter::AddFile(const std::string& name, uint64_t size, unsigned mode,
                                std::time_t time) {
  return AddHeader(name, AE_IFREG, size, mode, time, {});
}

Result<void> TarWriter::Write(std::span<const char> bytes) {
  if (archive_write_data(writer_.get(), bytes.data(), bytes.size()) < 0) return Failure();
  return {};
}

Result<void> TarWriter::Close() {
  if (archive_write_close(writer_.get()) != ARCHIVE_OK) return Failure();
  return {};
}

}  // namespace berth::storage
