// What a FolderSync does with one file: it looks, and uploads what is there or deletes what is
// gone.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/log.h"
#include "storage/folder_sync_state.h"

namespace berth::storage {

FolderSync::Attempt FolderSync::Look(const std::string& file) {
  if (cancel_.cancelled()) return {.end = Attempt::kCancelled};
  const std::filesystem::path path = folder_ / file;
  // A FIFO or device must not hold us.
  const Descriptor opened =
      links_ ? links_->Open(file)
             : Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!opened) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENXIO || errno == EXDEV) {
      return Remove(file);
    }
    return {.end = Attempt::kFailed,
            .error = Error::System(errno, fmt::format("cannot read \"{}\"", path.string()))};
  }
  const int64_t now = FileClock();
  struct stat about;
  if (::fstat(opened.get(), &about) != 0 || !S_ISREG(about.st_mode)) return Remove(file);
  return Upload(file, opened.get(), about, now);
}

FolderSync::Attempt FolderSync::Upload(const std::string& file, int descriptor,
                                       const struct stat& about, int64_t now) {
  const FileState before = FileState::Of(about);
  const auto place = target_->Place(file);
  {
    const std::lock_guard lock(mutex_);
    Known& known = known_[file];
    known.scan = scan_;
    if (known.state == before) return {};
    // It may hold half of what its writer means to write.
    if (!finishing_ && IsOpenForWriting(descriptor)) return {.end = Attempt::kOpen};
    if (!place) {
      if (known.refused.empty()) {
        log::Warning(options_.component, "{}", place.error().message());
      }
      known.refused = place.error().message();
      return {};
    }
    // From now on something may be there that deletions concern.
    known.state.reset();
  }
  if (const auto put = target_->Put(descriptor, file, cancel_); !put) {
    const int error = put.error().system_error();
    return {.end = error == ECANCELED ? Attempt::kCancelled
                   : error == EAGAIN  ? Attempt::kChanging
                                      : Attempt::kFailed,
            .error = put.error()};
  }
  struct stat after;
  const bool same = ::fstat(descriptor, &after) == 0 && FileState::Of(after) == before;
  const std::lock_guard lock(mutex_);
  ++report_.files;
  report_.bytes += static_cast<uint64_t>(about.st_size);
  if (told_) log::Info(options_.component, "uploads go on: {} is there", *place);
  told_.reset();
  failures_in_a_row_ = 0;
  // Not of a state that may have been followed by more with the same times: a scan, at the latest
  // the one of Finish(), looks at such a file again.
  if (same && before.Settled(now)) {
    known_[file].state = before;
  } else if (!same) {
    items_.at(file).again = true;
  }
  return {};
}

FolderSync::Attempt FolderSync::Remove(const std::string& file) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = known_.find(file);
    if (known == known_.end()) return {};
    if (!options_.propagate_deletions || !known->second.refused.empty()) {
      known_.erase(known);
      return {};
    }
  }
  struct stat about;
  if (::stat(folder_.c_str(), &about) != 0) return {};
  if (const auto deleted = target_->Delete(file, cancel_); !deleted) {
    return {
        .end = deleted.error().system_error() == ECANCELED ? Attempt::kCancelled : Attempt::kFailed,
        .error = deleted.error(),
        .deletion = true};
  }
  const std::lock_guard lock(mutex_);
  known_.erase(file);
  ++report_.deleted;
  failures_in_a_row_ = 0;
  return {};
}

}  // namespace berth::storage
