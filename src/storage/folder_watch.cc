#include "storage/folder_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "core/log.h"

namespace berth::storage {
namespace {

constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
                             IN_MOVE_SELF | IN_ONLYDIR;

std::string Below(const std::string& folder, std::string_view name) {
  std::string path = folder;
  if (!path.empty() && !name.empty()) path += '/';
  return path += name;
}

bool IsIn(const std::string& path, const std::string& folder) {
  return folder.empty() || path == folder ||
         (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/');
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

FolderWatch::FolderWatch(const std::filesystem::path& root, FolderListener& listener, size_t limit,
                         std::string component, const LinkedFolder* links)
    : root_(root.string()),
      listener_(listener),
      limit_(limit),
      component_(std::move(component)),
      links_(links),
      inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
  if (!inotify_) NotWatched(errno);
}

std::string FolderWatch::Absolute(const std::string& relative) const {
  return relative.empty() ? root_ : root_ + "/" + relative;
}

void FolderWatch::Take() {
  alignas(inotify_event) std::array<char, 65536> buffer;
  const ssize_t n = ::read(inotify_.get(), buffer.data(), buffer.size());
  if (n > 0) Take({buffer.data(), static_cast<size_t>(n)});
}

void FolderWatch::Take(std::string_view events) {
  while (events.size() >= sizeof(inotify_event)) {
    inotify_event event;
    std::memcpy(&event, events.data(), sizeof event);
    events.remove_prefix(sizeof event);
    const std::string_view padded = events.substr(0, event.len);
    events.remove_prefix(padded.size());
    Handle(event, std::string(padded.substr(0, padded.find('\0'))));
  }
}

void FolderWatch::Handle(const inotify_event& event, const std::string& name) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) {
    overflowed_ = true;
    return;
  }
  const auto found = watches_.find(event.wd);
  if (found == watches_.end()) return;  // one that was given up
  if ((event.mask & IN_IGNORED) != 0) {
    if (event.wd == root_watch_) watches_root_ = false;
    watches_.erase(found);
    return;
  }
  if ((event.mask & IN_MOVE_SELF) != 0) {
    // What happens elsewhere is not ours any more. A moved folder's parent tells of that itself.
    if (event.wd == root_watch_) {
      Forget("");
      watches_root_ = false;
    }
    return;
  }
  if (name.empty()) return;
  const std::string path = Below(found->second, name);
  if ((event.mask & IN_ISDIR) == 0) {
    if ((event.mask & IN_CREATE) != 0) {
      CreatedFile(path);
    } else {
      listener_.Changed(path);
    }
    if (links_ == nullptr) return;
    // A link to a folder may have come or gone, or lead elsewhere now.
    if ((event.mask & (IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)) != 0) listener_.Elsewhere(path);
    if ((event.mask & (IN_CREATE | IN_MOVED_TO)) != 0) LookBehind(path);
    return;
  }
  if ((event.mask & (IN_DELETE | IN_MOVED_FROM)) != 0) {
    Forget(path);
    listener_.Elsewhere(path);
  }
  if ((event.mask & (IN_CREATE | IN_MOVED_TO)) != 0) ScanBelow(path, [] { return false; });
}

// Most files are told of when they are closed. Links are made without being opened.
void FolderWatch::CreatedFile(const std::string& file) {
  struct stat about;
  if (::lstat(Absolute(file).c_str(), &about) != 0) return;
  if (S_ISLNK(about.st_mode) || (S_ISREG(about.st_mode) && about.st_nlink > 1)) {
    listener_.Changed(file);
  }
}

/// Tells of the files behind a link to a folder, and of the file behind another. False where not
/// all could be read.
bool FolderWatch::LookBehind(const std::string& link) {
  struct stat about;
  if (::lstat(Absolute(link).c_str(), &about) != 0 || !S_ISLNK(about.st_mode)) return true;
  const auto walked = links_->Walk(link, {.file = [&](const std::string& name, const std::string&,
                                                      const struct stat& file) -> Result<void> {
                                            listener_.Seen(name, file);
                                            return {};
                                          },
                                          .left_out =
                                              [&](const std::string& name, const std::string& why) {
                                                if (left_out_.size() < kMaxLeftOut)
                                                  left_out_[name] = why;
                                              }});
  return walked.has_value();
}

bool FolderWatch::Scan(const std::function<bool()>& stop) {
  left_out_.clear();
  overflowed_ = false;
  unwatched_ = 0;
  watches_root_ = false;
  met_.clear();
  if (!ScanBelow("", stop)) return false;
  // Their end was lost with other events.
  std::erase_if(watches_, [this](const auto& watch) {
    if (met_.contains(watch.first)) return false;
    ::inotify_rm_watch(inotify_.get(), watch.first);
    return true;
  });
  return true;
}

bool FolderWatch::ScanBelow(const std::string& folder, const std::function<bool()>& stop) {
  bool complete = true;
  std::vector<std::string> folders{folder};
  while (!folders.empty()) {
    if (stop()) return false;
    const std::string next = std::move(folders.back());
    folders.pop_back();
    if (!WatchFolder(next)) continue;
    if (!ReadFolder(next, folders)) complete = false;
  }
  return complete;
}

// False where the folder is gone (or no folder any more): then there is nothing to read.
bool FolderWatch::WatchFolder(const std::string& folder) {
  const std::string path = Absolute(folder);
  // Only the root itself may be a link.
  const uint32_t events = folder.empty() ? kEvents : kEvents | IN_DONT_FOLLOW;
  const int watch = inotify_ ? ::inotify_add_watch(inotify_.get(), path.c_str(), events) : -1;
  if (watch < 0) {
    if (inotify_ && folder.empty() && errno == ENOENT) return true;  // reading it says so
    if (inotify_ && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)) return false;
    if (inotify_)
      NotWatched(errno);
    else
      ++unwatched_;
    return true;
  }
  if (!watches_.contains(watch) && watches_.size() >= limit_) {
    ::inotify_rm_watch(inotify_.get(), watch);
    NotWatched(ENOSPC);
    return true;
  }
  watches_[watch] = folder;
  met_.insert(watch);
  if (folder.empty()) {
    root_watch_ = watch;
    watches_root_ = true;
  }
  return true;
}

void FolderWatch::NotWatched(int error) {
  ++unwatched_;
  if (told_) return;
  told_ = true;
  const bool limit = error == ENOSPC || error == EMFILE;
  log::Warning(component_,
               "not all of \"{}\" can be watched ({}): it is looked through now and then instead{}",
               root_, std::strerror(error),
               limit ? "; more watches are allowed by fs.inotify.max_user_watches and "
                       "fs.inotify.max_user_instances"
                     : "");
}

bool FolderWatch::ReadFolder(const std::string& folder, std::vector<std::string>& folders) {
  const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (folder.empty() ? 0 : O_NOFOLLOW);
  const int opened = ::open(Absolute(folder).c_str(), flags);
  const std::unique_ptr<DIR, CloseFolder> open(opened < 0 ? nullptr : ::fdopendir(opened));
  if (!open) {
    if (opened >= 0) ::close(opened);
    return !folder.empty() && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP);
  }
  bool complete = true;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(open.get());
    if (entry == nullptr) return complete && errno == 0;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    std::string path = Below(folder, name);
    struct stat about;
    if (::fstatat(opened, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0) continue;  // gone
    if (S_ISDIR(about.st_mode)) {
      folders.push_back(std::move(path));
      continue;
    }
    if (S_ISLNK(about.st_mode) && links_ != nullptr) {
      if (!LookBehind(path)) complete = false;
      continue;
    }
    if (S_ISLNK(about.st_mode) && ::fstatat(opened, entry->d_name, &about, 0) != 0) continue;
    if (S_ISREG(about.st_mode)) listener_.Seen(path, about);
  }
}

void FolderWatch::Forget(const std::string& folder) {
  std::erase_if(watches_, [&](const auto& watch) {
    if (!IsIn(watch.second, folder)) return false;
    ::inotify_rm_watch(inotify_.get(), watch.first);
    return true;
  });
}

}  // namespace berth::storage
