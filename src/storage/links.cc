#include "storage/links.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <deque>

#include "core/text.h"

namespace berth::storage {
namespace fs = std::filesystem;
namespace {

constexpr int kMaxLinks = 40;  // the kernel's limit
constexpr size_t kMaxTarget = 4096;

bool IsIn(const std::string& path, const std::string& folder) {
  return folder.empty() || (path + "/").starts_with(folder + "/");
}

std::string Below(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

}  // namespace

struct LinkedFolder::Walking {
  const Visitor& visitor;
  std::vector<std::string> within;  // the real folders on the way here
  size_t folder_links = 0;
};

LinkedFolder::LinkedFolder(fs::path folder, std::vector<std::string> seen_as)
    : folder_(std::move(folder)), seen_as_(std::move(seen_as)) {
  for (std::string& place : seen_as_) {
    while (place.ends_with('/')) place.pop_back();
  }
}

Result<std::string> LinkedFolder::Resolve(std::string_view path) const {
  std::deque<std::string> left;
  const auto prepend = [&left](std::string_view more) {
    const std::vector<std::string> steps = Split(more, '/');
    left.insert(left.begin(), steps.begin(), steps.end());
  };
  prepend(path);
  std::string done;
  int links = 0;
  while (!left.empty()) {
    const std::string step = std::move(left.front());
    left.pop_front();
    if (step.empty() || step == ".") continue;
    if (step == "..") {
      if (done.empty()) return Fail("it is a link that leads out of the folder", EXDEV);
      done = ParentOf(done);  // there is no link in it
      continue;
    }
    const std::string next = Below(done, step);
    std::string target(kMaxTarget, '\0');
    const ssize_t n = ::readlink((folder_ / next).c_str(), target.data(), target.size());
    if (n < 0 && errno != EINVAL) {
      return Fail(links > 0 && errno == ENOENT ? Error("it is a broken link", ENOENT)
                                               : Error::System(errno, "it cannot be read"));
    }
    if (n < 0) {  // no link
      done = next;
      continue;
    }
    if (++links > kMaxLinks) return Fail("its links lead in a circle", ELOOP);
    target.resize(static_cast<size_t>(n));
    if (!target.starts_with('/')) {
      prepend(target);
      continue;
    }
    const auto place =
        std::ranges::find_if(seen_as_, [&](const std::string& seen) { return IsIn(target, seen); });
    if (place == seen_as_.end()) {
      return Fail(fmt::format("it is a link that leads out of the folder, to {}", Quoted(target)),
                  EXDEV);
    }
    done.clear();
    prepend(std::string_view(target).substr(place->size()));
  }
  return done;
}

Descriptor LinkedFolder::Open(std::string_view path) const {
  const auto resolved = Resolve(path);
  if (!resolved) {
    errno = resolved.error().system_error();
    return {};
  }
  constexpr int kStep = O_RDONLY | O_CLOEXEC | O_NOFOLLOW;
  Descriptor at(::open(folder_.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  const std::vector<std::string> steps = Split(*resolved, '/');
  for (size_t i = 0; at && i < steps.size(); ++i) {
    const bool last = i + 1 == steps.size();
    // A FIFO or device must not hold us.
    at = Descriptor(
        ::openat(at.get(), steps[i].c_str(), kStep | (last ? O_NONBLOCK | O_NOCTTY : O_DIRECTORY)));
  }
  return at;
}

Result<void> LinkedFolder::Walk(const std::string& path, const Visitor& visitor) const {
  Walking walking{.visitor = visitor, .within = {}};
  return Visit(walking, path, path);
}

Result<void> LinkedFolder::Visit(Walking& walking, const std::string& name,
                                 const std::string& real) const {
  const fs::path place = real.empty() ? folder_ : folder_ / real;
  struct stat about;
  if ((real.empty() ? ::stat(place.c_str(), &about) : ::lstat(place.c_str(), &about)) != 0) {
    if (real.empty()) return FailErrno(fmt::format("cannot read \"{}\"", place.string()));
    walking.visitor.left_out(name, "it is gone");
    return {};
  }
  if (S_ISLNK(about.st_mode)) return VisitLink(walking, name, real);
  if (S_ISREG(about.st_mode)) return walking.visitor.file(name, real, about);
  if (!S_ISDIR(about.st_mode)) {
    walking.visitor.left_out(name, "it is no regular file");
    return {};
  }
  walking.within.push_back(real);
  std::error_code cause;
  for (fs::directory_iterator entry(place, cause), end; !cause && entry != end;
       entry.increment(cause)) {
    const std::string step = entry->path().filename().string();
    BERTH_TRY(Visit(walking, Below(name, step), Below(real, step)));
  }
  walking.within.pop_back();
  if (!cause) return {};
  return Fail(Error::System(cause.value(),
                            fmt::format("cannot read the directory \"{}\"", place.string())));
}

Result<void> LinkedFolder::VisitLink(Walking& walking, const std::string& name,
                                     const std::string& real) const {
  const auto target = Resolve(real);
  if (!target) {
    walking.visitor.left_out(name, target.error().message());
    return {};
  }
  std::error_code unknown;
  if (!fs::is_directory(folder_ / *target, unknown)) return Visit(walking, name, *target);
  const bool within_itself =
      IsIn(real, *target) || std::ranges::any_of(walking.within, [&](const std::string& folder) {
        return IsIn(folder, *target);
      });
  if (within_itself) {
    walking.visitor.left_out(name, "it is a link to a folder that it lies in");
    return {};
  }
  if (++walking.folder_links > kMaxFolderLinks) {
    walking.visitor.left_out(
        name, fmt::format("it is one of more than {} links to folders", kMaxFolderLinks));
    return {};
  }
  return Visit(walking, name, *target);
}

}  // namespace berth::storage
