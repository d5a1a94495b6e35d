#include "platform/fast_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fuse3/fuse_lowlevel.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

/// What the library calls for character devices, which are not served here. Defined by us it keeps
/// the library's own out of the program, and with that all above its low level, which loads modules
/// with dlopen().
extern "C" void cuse_lowlevel_init(fuse_req_t /*request*/, fuse_ino_t /*inode*/,
                                   const void* /*argument*/) {}

namespace berth::platform {
namespace {

/// Nothing here ever changes, so the kernel need not ask again: a year, in seconds.
constexpr double kForever = 365.0 * 86400;
/// What programs are told to read at once.
constexpr blksize_t kBlock = 128 << 10;
constexpr uint64_t kStatfsBlock = 4096;
/// Read-ahead requests of the kernel under way: its default of 12 would let a few readers that
/// wait for S3 hold up all others.
constexpr unsigned kBackground = 256;

fuse_ino_t InodeOf(FileTree::Id id) {
  return id + uint64_t{FUSE_ROOT_ID};
}
FileTree::Id IdOf(fuse_ino_t inode) {
  return static_cast<FileTree::Id>(inode - FUSE_ROOT_ID);
}

/// One mount while it is served.
struct Mount {
  const FastFolder& folder;
  std::mutex mutex{};  // guards the next
  size_t reads = 0;    // not answered yet
  std::condition_variable idle{};

  void Begin() {
    const std::lock_guard lock(mutex);
    ++reads;
  }
  void End() {
    // Notified under the lock: with the last read the mount may go.
    const std::lock_guard lock(mutex);
    if (--reads == 0) idle.notify_all();
  }
  void WaitForReads() {
    std::unique_lock lock(mutex);
    idle.wait(lock, [this] { return reads == 0; });
  }
};

/// A read that may be answered by its data or by the interruption of its reader, whichever comes
/// first.
struct PendingRead {
  fuse_req_t request;
  std::atomic<bool> claimed = false;

  bool Claim() { return !claimed.exchange(true); }
};

void OnInterrupt(fuse_req_t request, void* data) {
  if (static_cast<PendingRead*>(data)->Claim()) fuse_reply_err(request, EINTR);
}

}  // namespace

/// What the library calls. In one type, so that the folder can let it in.
struct FastFolderCalls {
  static Mount& MountOf(fuse_req_t request) {
    return *static_cast<Mount*>(fuse_req_userdata(request));
  }
  static const FastFolder& FolderOf(fuse_req_t request) { return MountOf(request).folder; }

  static void Init(void*, fuse_conn_info* connection) {
    connection->max_background = kBackground;
    connection->congestion_threshold = kBackground * 3 / 4;
    // The kernel tells us of the death of a reader, unless it made an asynchronous read of its
    // O_DIRECT one: nothing would end that wait but the data.
    connection->want &= ~static_cast<unsigned>(FUSE_CAP_ASYNC_DIO);
  }

  /// Of a file.
  static const storage::ObjectInfo& ObjectOf(const FastFolder& folder, FileTree::Id id) {
    const uint32_t file = *folder.tree_.node(id).file;
    return folder.content_.file(folder.first_file_ + file).object;
  }

  static struct stat About(const FastFolder& folder, FileTree::Id id) {
    const FileTree::Node& node = folder.tree_.node(id);
    struct stat about{};
    about.st_ino = InodeOf(id);
    about.st_uid = ::geteuid();
    about.st_gid = ::getegid();
    about.st_blksize = kBlock;
    about.st_mode = S_IFDIR | 0555;
    about.st_nlink = 2;
    about.st_mtime = folder.made_;
    if (node.file) {
      const storage::ObjectInfo& object = ObjectOf(folder, id);
      about.st_mode = S_IFREG | 0444;
      about.st_nlink = 1;
      about.st_size = static_cast<off_t>(object.size);
      about.st_blocks = static_cast<blkcnt_t>((object.size + 511) / 512);
      if (object.modified != 0) about.st_mtime = object.modified;
    }
    about.st_atime = about.st_mtime;
    about.st_ctime = about.st_mtime;
    return about;
  }

  static fuse_entry_param Entry(const FastFolder& folder, FileTree::Id id) {
    fuse_entry_param entry{};
    entry.ino = InodeOf(id);
    entry.attr = About(folder, id);
    entry.attr_timeout = kForever;
    entry.entry_timeout = kForever;
    return entry;
  }

  static void Lookup(fuse_req_t request, fuse_ino_t parent, const char* name) {
    const FastFolder& folder = FolderOf(request);
    const auto id = folder.tree_.Find(IdOf(parent), name);
    fuse_entry_param entry{};
    entry.entry_timeout = kForever;  // that there is no such name may be kept, too
    if (id) entry = Entry(folder, *id);
    fuse_reply_entry(request, &entry);
  }

  static void GetAttributes(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
    const struct stat about = About(FolderOf(request), IdOf(inode));
    fuse_reply_attr(request, &about, kForever);
  }

  static void OpenFolder(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
    file->keep_cache = 1;
    file->cache_readdir = 1;
    fuse_reply_open(request, file);
  }

  /// Entry number 0 is ".", 1 "..", then the children.
  template <bool kPlus>
  static void ReadFolder(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset,
                         fuse_file_info*) {
    const FastFolder& folder = FolderOf(request);
    const FileTree::Node& node = folder.tree_.node(IdOf(inode));
    std::vector<char> buffer(size);
    size_t used = 0;
    for (auto i = static_cast<size_t>(offset); i < node.children.size() + 2; ++i) {
      const bool dots = i < 2;
      const FileTree::Id id = i == 0 ? IdOf(inode) : i == 1 ? node.parent : node.children[i - 2];
      const char* const name = i == 0 ? "." : i == 1 ? ".." : folder.tree_.node(id).name.c_str();
      fuse_entry_param entry = Entry(folder, id);
      if (dots) entry.ino = 0;  // nothing for the kernel to keep
      const auto next = static_cast<off_t>(i + 1);
      const size_t needed = kPlus ? fuse_add_direntry_plus(request, buffer.data() + used,
                                                           size - used, name, &entry, next)
                                  : fuse_add_direntry(request, buffer.data() + used, size - used,
                                                      name, &entry.attr, next);
      if (needed > size - used) break;
      used += needed;
    }
    fuse_reply_buf(request, buffer.data(), used);
  }

  static void Open(fuse_req_t request, fuse_ino_t inode, fuse_file_info* file) {
    const FastFolder& folder = FolderOf(request);
    if ((file->flags & O_ACCMODE) != O_RDONLY) {
      fuse_reply_err(request, EROFS);
      return;
    }
    auto opened = std::make_unique<FastContent::Opened>(
        folder.content_, folder.first_file_ + folder.tree_.node(IdOf(inode)).file.value());
    file->fh = reinterpret_cast<uint64_t>(opened.get());
    // One version of the object is served throughout: what the kernel has of it stays right.
    file->keep_cache = 1;
    if (fuse_reply_open(request, file) == 0) {
      [[maybe_unused]] auto* const held = opened.release();  // Release() takes it back
    }
  }

  static void Release(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): libfuse keeps our pointer as a number
    delete reinterpret_cast<FastContent::Opened*>(file->fh);
    fuse_reply_err(request, 0);
  }

  static void Read(fuse_req_t request, fuse_ino_t inode, size_t size, off_t offset,
                   fuse_file_info* file) {
    Mount& mount = MountOf(request);
    const auto from = static_cast<uint64_t>(offset);
    const uint64_t end = ObjectOf(mount.folder, IdOf(inode)).size;
    if (from >= end || size == 0) {
      fuse_reply_buf(request, nullptr, 0);
      return;
    }
    auto pending = std::make_shared<PendingRead>(request);
    mount.Begin();
    fuse_req_interrupt_func(request, OnInterrupt, pending.get());
    // NOLINTNEXTLINE(performance-no-int-to-ptr): as above
    auto& opened = *reinterpret_cast<FastContent::Opened*>(file->fh);
    mount.folder.content_.Read(opened, from, std::min<uint64_t>(size, end - from),
                               [pending, &mount](const Result<std::span<const char>>& bytes) {
                                 if (pending->Claim()) {
                                   // Waits for an OnInterrupt() that is under way, and has lost.
                                   fuse_req_interrupt_func(pending->request, nullptr, nullptr);
                                   if (bytes) {
                                     fuse_reply_buf(pending->request, bytes->data(), bytes->size());
                                   } else {
                                     fuse_reply_err(pending->request, EIO);
                                   }
                                 }
                                 mount.End();
                               });
  }

  static void StatFileSystem(fuse_req_t request, fuse_ino_t) {
    const FastFolder& folder = FolderOf(request);
    struct statvfs about{};
    about.f_bsize = kStatfsBlock;
    about.f_frsize = kStatfsBlock;
    about.f_blocks = (folder.content_.bytes() + kStatfsBlock - 1) / kStatfsBlock;
    about.f_files = folder.tree_.size();
    about.f_namemax = 255;
    fuse_reply_statfs(request, &about);
  }

  static fuse_lowlevel_ops All() {
    fuse_lowlevel_ops calls{};
    calls.init = Init;
    calls.lookup = Lookup;
    calls.getattr = GetAttributes;
    calls.opendir = OpenFolder;
    calls.readdir = ReadFolder<false>;
    calls.readdirplus = ReadFolder<true>;
    calls.open = Open;
    calls.read = Read;
    calls.release = Release;
    calls.statfs = StatFileSystem;
    return calls;
  }
};

FastFolder::FastFolder(const Placement& placement, FastContent& content, uint32_t first_file)
    : tree_(placement),
      content_(content),
      first_file_(first_file),
      made_(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())) {}

Result<void> FastFolder::Serve(Descriptor device) const {
  Mount mount{.folder = *this};
  const fuse_lowlevel_ops calls = FastFolderCalls::All();
  char name[] = "berth";
  char* argv[] = {name, nullptr};
  fuse_args arguments = FUSE_ARGS_INIT(1, argv);
  const std::unique_ptr<fuse_session, void (*)(fuse_session*)> session(
      fuse_session_new(&arguments, &calls, sizeof calls, &mount), fuse_session_destroy);
  fuse_opt_free_args(&arguments);
  if (session == nullptr) return Fail("cannot serve a FUSE mount: the library refuses");
  // Mounted already: this only hands the device over, which the session then closes.
  const std::string place = fmt::format("/dev/fd/{}", device.get());
  if (fuse_session_mount(session.get(), place.c_str()) != 0) {
    return Fail("cannot serve a FUSE mount: the library does not take the device");
  }
  [[maybe_unused]] const int handed_over = device.Release();
  const int ended = fuse_session_loop(session.get());
  mount.WaitForReads();
  if (ended < 0) return Fail(Error::System(-ended, "cannot serve a FUSE mount"));
  return {};
}

}  // namespace berth::platform
