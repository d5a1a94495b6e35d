#include "storage/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/text.h"

namespace berth::storage {
namespace {

std::string Text(const char* text) { return text != nullptr ? text : ""; }

EntryKind KindOf(archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return EntryKind::kHardLink;
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return EntryKind::kFile;
    case AE_IFDIR: return EntryKind::kDirectory;
    case AE_IFLNK: return EntryKind::kSymbolicLink;
    default: return EntryKind::kOther;
  }
}

}  // namespace

void TarReader::Free::operator()(archive* reader) const { archive_read_free(reader); }

TarReader::TarReader(const ByteSource& source, uint64_t max_bytes)
    : inflater_(source, max_bytes), reader_(archive_read_new()) {
  archive_read_support_format_tar(reader_.get());
}

ptrdiff_t TarReader::Read(archive* reader, void* self, const void** bytes) {
  auto* const me = static_cast<TarReader*>(self);
  const auto next = me->inflater_.Next();
  if (!next) {
    me->source_error_ = next.error();
    archive_set_error(reader, EIO, "%s", "cannot read");
    return ARCHIVE_FATAL;
  }
  *bytes = next->data();
  return static_cast<ptrdiff_t>(next->size());
}

Error TarReader::Failure() {
  if (source_error_) {
    return entry_name_.empty() ? *source_error_
                               : source_error_->Within(
                                     fmt::format("after entry {}", Quoted(entry_name_)));
  }
  // libarchive's words are for programmers ("Unrecognized archive format"); ours say what to do.
  if (entry_name_.empty()) {
    if (inflater_.empty()) return Error("it is empty, not a .tar.gz archive");
    return Error("it is not a .tar.gz archive; pack the directory with `tar -czf`");
  }
  return Error(fmt::format("the archive is damaged or was cut off at or after entry {} ({}); make "
                           "it, or copy it, once more",
                           Quoted(entry_name_), Text(archive_error_string(reader_.get()))));
}

Result<std::optional<TarEntry>> TarReader::Next() {
  if (!std::exchange(opened_, true)) {
    if (archive_read_open(reader_.get(), this, nullptr, Read, nullptr) != ARCHIVE_OK) {
      return Fail(Failure());
    }
  }
  archive_entry* raw = nullptr;
  const int status = archive_read_next_header(reader_.get(), &raw);
  if (status == ARCHIVE_EOF) {
    if (auto drained = inflater_.Drain(); !drained) {
      source_error_ = drained.error();
      return Fail(Failure());
    }
    if (inflater_.empty()) return Fail(Failure());
    if (inflater_.LacksEndMark()) {
      return Fail("the archive is cut off: its end mark is missing; make it, or copy it, once more");
    }
    return std::nullopt;
  }
  // A warning here is "this name has no form in the locale": the bytes are there all the same.
  if (status < ARCHIVE_WARN) return Fail(Failure());

  TarEntry entry;
  entry.name = Text(archive_entry_pathname(raw));
  entry.kind = KindOf(raw);
  entry.link_target = Text(entry.kind == EntryKind::kHardLink ? archive_entry_hardlink(raw)
                                                             : archive_entry_symlink(raw));
  entry.size = static_cast<uint64_t>(std::max<int64_t>(archive_entry_size(raw), 0));
  entry.mode = archive_entry_perm(raw);
  entry.modified = {.tv_sec = archive_entry_mtime(raw), .tv_nsec = archive_entry_mtime_nsec(raw)};
  entry_name_ = entry.name;
  return entry;
}

Result<std::optional<TarReader::Block>> TarReader::NextBlock() {
  const void* bytes = nullptr;
  size_t size = 0;
  int64_t offset = 0;
  const int status = archive_read_data_block(reader_.get(), &bytes, &size, &offset);
  if (status == ARCHIVE_EOF) return std::nullopt;
  if (status < ARCHIVE_WARN || offset < 0) return Fail(Failure());
  return Block{{static_cast<const char*>(bytes), size}, static_cast<uint64_t>(offset)};
}

}  // namespace berth::storage
