#include "storage/extraction_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <ranges>
#include <system_error>
#include <tuple>

#include "core/files.h"
#include "core/text.h"

namespace berth::storage {
namespace fs = std::filesystem;
namespace {

constexpr int kOpenDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr mode_t kPrivate = 0700;
// Each part of a name may make a folder: without a bound one long name would make 500,000.
constexpr size_t kMaxDepth = 256;

std::timespec Untouched() {
  return {.tv_sec = 0, .tv_nsec = UTIME_OMIT};
}

/// The file type at `name` in `parent`, links not followed; 0 where there is nothing.
mode_t TypeAt(int parent, const std::string& name) {
  struct stat about;
  if (::fstatat(parent, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return about.st_mode & S_IFMT;
}

std::unexpected<Error> FailThrough(const std::string& part, mode_t type) {
  return Fail(fmt::format("its name leads through {}, which is {}", Quoted(part),
                          S_ISLNK(type) ? "a link" : "not a folder"));
}

Result<bool> IsEmptyDirectory(int directory) {
  const int copy = ::openat(directory, ".", kOpenDirectory);
  if (copy < 0) return FailErrno("cannot list it");
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(copy), ::closedir);
  if (!entries) return FailErrno("cannot list it");
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return false;
  }
  return true;
}

}  // namespace

Result<NameParts> SplitEntryName(std::string_view name) {
  if (name.empty()) return Fail("it has no name");
  if (name.front() == '/') return Fail("its name is an absolute path");
  NameParts parts;
  for (std::string& part : Split(name, '/')) {
    if (part == "..") return Fail("its name contains \"..\"");
    if (!part.empty() && part != ".") parts.push_back(std::move(part));
  }
  if (parts.size() > kMaxDepth) {
    return Fail(fmt::format("its name is nested deeper than {} folders", kMaxDepth));
  }
  return parts;
}

Result<void> CheckLinkTarget(std::string_view target, size_t depth) {
  if (target.empty()) return Fail("it is a link to nothing");
  if (target.front() == '/') return Fail("it is a link to an absolute path");
  bool climbing = true;
  for (const std::string& part : Split(target, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      climbing = false;
    } else if (!climbing) {
      return Fail("it is a link whose target has \"..\" behind a name");
    } else if (depth-- == 0) {
      return Fail("it is a link that leads out of the archive");
    }
  }
  return {};
}

Result<ExtractionTree> ExtractionTree::Open(const fs::path& root) {
  const std::string what = fmt::format("cannot extract into \"{}\"", root.string());
  const bool made = ::mkdir(root.c_str(), 0777) == 0;
  if (!made && errno != EEXIST) return FailErrno(what);
  // The destination itself may be a link: it is the caller's word, not the archive's.
  Descriptor descriptor(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor) return FailErrno(what);
  const auto empty = IsEmptyDirectory(descriptor.get());
  if (!empty) return Fail(empty.error().Within(what));
  if (!*empty) return Fail(what + ": it is not empty", ENOTEMPTY);
  return ExtractionTree(root, std::move(descriptor), made);
}

/// The folder that holds `name`, valid until the next call.
Result<int> ExtractionTree::OpenParent(const NameParts& name, bool make) {
  const NameParts parent(name.begin(), name.end() - 1);
  if (parent.empty()) return descriptor_.get();
  if (last_parent_descriptor_ && parent == last_parent_) return last_parent_descriptor_.get();

  Descriptor walked;
  NameParts path;
  for (const std::string& part : parent) {
    const int from = walked ? walked.get() : descriptor_.get();
    path.push_back(part);
    if (make && ::mkdirat(from, part.c_str(), kPrivate) == 0) {
      directories_.emplace(path, DirectoryState{});
    }
    Descriptor next(::openat(from, part.c_str(), kOpenDirectory));
    if (!next) {
      const int reason = errno;
      const mode_t type = TypeAt(from, part);
      if (type != 0 && !S_ISDIR(type)) return FailThrough(part, type);
      return Fail(Error::System(reason, fmt::format("cannot open its folder {}", Quoted(part))));
    }
    walked = std::move(next);
  }
  last_parent_ = parent;
  last_parent_descriptor_ = std::move(walked);
  return last_parent_descriptor_.get();
}

/// Takes away a file or link that a later entry of the same name replaces.
Result<void> ExtractionTree::MakeRoom(int parent, const std::string& name) const {
  if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  const int reason = errno;
  if (S_ISDIR(TypeAt(parent, name))) return Fail("a folder of this name came before it");
  return Fail(Error::System(reason, "cannot replace it"));
}

Result<void> ExtractionTree::AddDirectory(const NameParts& name, mode_t mode,
                                          std::timespec modified) {
  if (name.empty()) return {};
  BERTH_ASSIGN(const int parent, OpenParent(name, true));
  if (::mkdirat(parent, name.back().c_str(), kPrivate) != 0) {
    const int reason = errno;
    const mode_t type = TypeAt(parent, name.back());
    if (type != 0 && !S_ISDIR(type)) return Fail("a file or link of this name came before it");
    if (type == 0) return Fail(Error::System(reason, "cannot make the folder"));
  }
  directories_.insert_or_assign(name, DirectoryState{mode, modified});
  return {};
}

Result<Descriptor> ExtractionTree::AddFile(const NameParts& name) {
  if (name.empty()) return Fail("its name is the tree itself");
  BERTH_ASSIGN(const int parent, OpenParent(name, true));
  BERTH_TRY(MakeRoom(parent, name.back()));
  Descriptor file(::openat(parent, name.back().c_str(),
                           O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return FailErrno("cannot make the file");
  return file;
}

Result<void> ExtractionTree::AddSymbolicLink(const NameParts& name, const std::string& target,
                                             std::timespec modified) {
  if (name.empty()) return Fail("its name is the tree itself");
  BERTH_TRY(CheckLinkTarget(target, name.size() - 1));
  BERTH_ASSIGN(const int parent, OpenParent(name, true));
  BERTH_TRY(MakeRoom(parent, name.back()));
  if (::symlinkat(target.c_str(), parent, name.back().c_str()) != 0) {
    return FailErrno("cannot make the link");
  }
  const std::timespec times[2] = {Untouched(), modified};
  // A file system without times on links is no reason to fail.
  (void)::utimensat(parent, name.back().c_str(), times, AT_SYMLINK_NOFOLLOW);
  return {};
}

Result<void> ExtractionTree::AddHardLink(const NameParts& name, const NameParts& target) {
  if (name.empty() || target.empty()) return Fail("its name is the tree itself");
  if (name == target) return {};
  // OpenParent's descriptor lasts until the next call only: this one is needed beyond.
  BERTH_ASSIGN(const int found, OpenParent(target, false));
  const Descriptor from(::openat(found, ".", kOpenDirectory));
  if (!from) return FailErrno("cannot open the folder of what it links to");
  // A link to a link would mean something else in another folder: only files are linked to.
  const mode_t type = TypeAt(from.get(), target.back());
  if (type == 0) return Fail("it links to a file that did not come before it");
  if (!S_ISREG(type)) return Fail("it links to something that is not a file");
  BERTH_ASSIGN(const int parent, OpenParent(name, true));
  BERTH_TRY(MakeRoom(parent, name.back()));
  if (::linkat(from.get(), target.back().c_str(), parent, name.back().c_str(), 0) != 0) {
    return FailErrno("cannot make the link");
  }
  return {};
}

Result<void> ExtractionTree::FinishDirectory(const NameParts& name, const DirectoryState& state) {
  BERTH_ASSIGN(const int parent, OpenParent(name, false));
  const Descriptor folder(::openat(parent, name.back().c_str(), kOpenDirectory));
  if (!folder) return FailErrno("cannot open it");
  const std::timespec times[2] = {Untouched(), state.modified.value_or(Untouched())};
  if (::futimens(folder.get(), times) != 0 || ::fchmod(folder.get(), state.mode) != 0) {
    return FailErrno("cannot set its mode and time");
  }
  return {};
}

Result<void> ExtractionTree::Finish() {
  last_parent_descriptor_.Close();
  // Innermost first: a folder's time and its mode hold once nothing below is touched any more.
  for (const auto& directory : std::views::reverse(directories_)) {
    if (auto done = FinishDirectory(directory.first, directory.second); !done) {
      const std::string what = fmt::format("folder {}", Quoted(Join(directory.first, "/")));
      return Fail(done.error().Within(what));
    }
  }
  last_parent_descriptor_.Close();
  return {};
}

void ExtractionTree::Undo() {
  last_parent_descriptor_.Close();
  std::error_code ignored;
  // All folders are 0700 again, in case Finish() had begun.
  for (const auto& [name, state] : directories_) {
    const auto parent = OpenParent(name, false);
    if (parent) std::ignore = ::fchmodat(*parent, name.back().c_str(), kPrivate, 0);
  }
  last_parent_descriptor_.Close();
  RemoveContent(root_);
  if (made_root_) fs::remove(root_, ignored);
}

}  // namespace berth::storage
