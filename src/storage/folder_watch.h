// What happens in a folder and in the folders below it, as the kernel tells it (inotify(7)).
#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/descriptor.h"
#include "storage/links.h"

struct inotify_event;

namespace berth::storage {

/// Who is told. Paths are relative to the watched folder.
class FolderListener {
 public:
  virtual ~FolderListener() = default;
  /// The file was written and closed, renamed into its place, or is gone from it.
  virtual void Changed(const std::string& file) = 0;
  /// A scan found the regular file, or link to one; `about` is the file's.
  virtual void Seen(const std::string& file, const struct stat& about) = 0;
  /// The folder is no longer there; what was below it is gone from there, too.
  virtual void Elsewhere(const std::string& folder) = 0;
};

/// One thread.
class FolderWatch {
 public:
  /// Does not look at `root` before the first Scan(). At most `limit` folders are watched.
  /// `links` (may be null) says what links lead to: then folders behind them are told of, too, when
  /// the link appears and by every Scan(). Without it links to files are, wherever they lead.
  FolderWatch(const std::filesystem::path& root, FolderListener& listener, size_t limit,
              std::string component, const LinkedFolder* links = nullptr);

  /// Readable when there are events; -1 where the kernel gives none.
  int descriptor() const { return inotify_.get(); }

  /// Takes what events there are, some of them at a time.
  void Take();
  /// The same for events as they are read from descriptor().
  void Take(std::string_view events);

  /// Watches every folder and tells of every file. A folder is watched before it is read, so that
  /// what is made in it is told by one or the other. False where `stop` (asked now and then) said
  /// so or something could not be read: what was not told then may be there nevertheless.
  bool Scan(const std::function<bool()>& stop);

  /// What links the last Scan() could not follow, and why; the first kMaxLeftOut of them.
  static constexpr size_t kMaxLeftOut = 100;
  const std::map<std::string, std::string>& left_out() const { return left_out_; }

  /// Events were lost: Scan().
  bool overflowed() const { return overflowed_; }
  /// False where some folders are not watched (no inotify, too many folders, the root is gone):
  /// scan now and then. Said in the log, once.
  bool watches_all() const { return watches_root_ && unwatched_ == 0; }

 private:
  void Handle(const inotify_event& event, const std::string& name);
  bool ScanBelow(const std::string& folder, const std::function<bool()>& stop);
  bool ReadFolder(const std::string& folder, std::vector<std::string>& folders);
  bool WatchFolder(const std::string& folder);
  void NotWatched(int error);
  void Forget(const std::string& folder);
  void CreatedFile(const std::string& file);
  bool LookBehind(const std::string& link);
  std::string Absolute(const std::string& relative) const;

  const std::string root_;
  FolderListener& listener_;
  const size_t limit_;
  const std::string component_;
  const LinkedFolder* const links_;
  const Descriptor inotify_;
  std::unordered_map<int, std::string> watches_;
  std::unordered_set<int> met_;  // by the present scan of all
  std::map<std::string, std::string> left_out_;
  int root_watch_ = -1;
  bool watches_root_ = false;
  size_t unwatched_ = 0;
  bool told_ = false;
  bool overflowed_ = false;
};

}  // namespace berth::storage
