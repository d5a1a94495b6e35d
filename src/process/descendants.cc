#include "process/descendants.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/descriptor.h"

namespace berth::process {
namespace {

template <typename Number>
bool ParseNumber(std::string_view text, Number* number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *number);
  return error == std::errc() && end != text.data();
}

/// False where /proc belongs to another PID namespace: its numbers would name strangers.
bool ProcIsOurs() {
  std::array<char, 32> target{};
  const ssize_t n = ::readlink("/proc/self", target.data(), target.size());
  pid_t pid = 0;
  return n > 0 && ParseNumber({target.data(), static_cast<size_t>(n)}, &pid) && pid == ::getpid();
}

/// Parent of a living process, 0 where it has gone. /proc/PID/stat is "PID (NAME) STATE PPID …",
/// and NAME may hold anything.
pid_t ParentOf(int proc, std::string_view pid) {
  const std::string path = std::string(pid) + "/stat";
  const Descriptor file(::openat(proc, path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 512> text{};
  const ssize_t n = file ? ::read(file.get(), text.data(), text.size()) : 0;
  if (n <= 0) return 0;
  const std::string_view stat(text.data(), static_cast<size_t>(n));
  const size_t name_end = stat.rfind(") ");
  if (name_end == std::string_view::npos || name_end + 4 >= stat.size()) return 0;
  const char state = stat[name_end + 2];
  pid_t parent = 0;
  if (state == 'Z' || state == 'X' || !ParseNumber(stat.substr(name_end + 4), &parent)) return 0;
  return parent;
}

/// parent -> living children, of all processes there are.
std::multimap<pid_t, pid_t> Families() {
  std::multimap<pid_t, pid_t> children;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return children;
  while (const dirent* entry = ::readdir(proc.get())) {
    pid_t pid = 0;
    if (!ParseNumber(entry->d_name, &pid)) continue;
    if (const pid_t parent = ParentOf(::dirfd(proc.get()), entry->d_name); parent > 0) {
      children.emplace(parent, pid);
    }
  }
  return children;
}

std::vector<pid_t> ChildrenOf(const std::multimap<pid_t, pid_t>& families, pid_t parent) {
  std::vector<pid_t> children;
  const auto [first, last] = families.equal_range(parent);
  for (auto it = first; it != last; ++it) children.push_back(it->second);
  return children;
}

bool HaveChildren() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/// All below us but the families of `except`.
std::vector<pid_t> Below(const std::vector<pid_t>& except) {
  const auto families = Families();
  std::vector<pid_t> found = ChildrenOf(families, ::getpid());
  std::erase_if(found, [&](pid_t pid) {
    return std::find(except.begin(), except.end(), pid) != except.end();
  });
  for (size_t i = 0; i < found.size(); ++i) {
    const std::vector<pid_t> children = ChildrenOf(families, found[i]);
    found.insert(found.end(), children.begin(), children.end());
  }
  return found;
}

}  // namespace

OrphanReaper::OrphanReaper() {
  int already = 0;
  if (::getpid() == 1 || ::prctl(PR_GET_CHILD_SUBREAPER, &already) != 0 || already != 0) return;
  set_ = ::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

OrphanReaper::~OrphanReaper() {
  if (set_) ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

Descendants::Descendants() {
  if (HaveChildren() && ProcIsOurs()) before_ = ChildrenOf(Families(), ::getpid());
}

bool Descendants::Any() const {
  if (!HaveChildren()) return false;
  return before_.empty() || !Below(before_).empty();
}

void Descendants::Signal(int signal) const {
  if (!ProcIsOurs()) {
    if (::getpid() == 1) ::kill(-1, signal);
    return;
  }
  for (const pid_t pid : Below(before_)) ::kill(pid, signal);
}

}  // namespace berth::process
