#include "process/start_error.h"

#include <elf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "core/text.h"
#include "process/find_program.h"

namespace berth::process {
namespace {

namespace fs = std::filesystem;

/// The path as seen from here: `directory` is where the child looks from.
fs::path FromHere(const Command& command, const std::string& path) {
  return fs::path(command.directory) / path;
}

/// The first bytes of a file; empty where it cannot be read.
std::string Head(const fs::path& path) {
  std::string head(1024, '\0');
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  const ssize_t n = file ? ::read(file.get(), head.data(), head.size()) : 0;
  head.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return head;
}

/// The interpreter in "#!/usr/bin/env -S python3\n", with a carriage return where there is one.
std::string Interpreter(std::string_view head) {
  if (!head.starts_with("#!")) return {};
  head = head.substr(2, head.find('\n') - 2);
  while (head.starts_with(' ') || head.starts_with('\t')) head.remove_prefix(1);
  return std::string(head.substr(0, head.find_first_of(" \t")));
}

std::string_view MachineName(unsigned machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86_64";
    case EM_AARCH64:
      return "aarch64 (ARM)";
    case EM_386:
      return "i386";
    case EM_ARM:
      return "32-bit ARM";
    case EM_PPC64:
      return "ppc64";
    case EM_RISCV:
      return "riscv";
    case EM_S390:
      return "s390";
    default:
      return "another kind of machine";
  }
}

std::string ThisMachine() {
  utsname name{};
  return ::uname(&name) == 0 ? name.machine : "another";
}

bool IsElf(std::string_view head) {
  return head.starts_with(ELFMAG);
}

std::string ExplainFormat(std::string_view head) {
  constexpr size_t kMachineAt = offsetof(Elf64_Ehdr, e_machine);  // the same in both classes
  if (IsElf(head) && head.size() >= kMachineAt + 2) {
    const bool big = static_cast<unsigned char>(head[EI_DATA]) == ELFDATA2MSB;
    const auto low = static_cast<unsigned char>(head[kMachineAt + (big ? 1 : 0)]);
    const auto high = static_cast<unsigned char>(head[kMachineAt + (big ? 0 : 1)]);
    return fmt::format(
        "it is a program for {}, this machine is {}: build it, or the image, for this machine",
        MachineName(low | (high << 8U)), ThisMachine());
  }
  return "it is neither a program for this machine nor a script";
}

/// The file is there, and yet the kernel says that something is not.
std::string ExplainMissingPart(std::string_view head) {
  const std::string interpreter = Interpreter(head);
  if (interpreter.ends_with('\r')) {
    return "its first line ends in a carriage return, as Windows editors write it: convert it with "
           "dos2unix";
  }
  if (!interpreter.empty()) {
    return fmt::format(
        "its first line asks for the interpreter \"{}\", which is not there: install it or correct "
        "the line",
        interpreter);
  }
  return "its loader (the dynamic linker it was built for) is not in this image: link it "
         "statically or build it on the same distribution";
}

std::string ExplainDenied(const fs::path& path, const struct stat& status, std::string_view head) {
  if (S_ISDIR(status.st_mode)) return "it is a directory";
  if (!S_ISREG(status.st_mode)) return "it is not a regular file";
  if (::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0) {
    struct statvfs mount{};
    if (::statvfs(path.c_str(), &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0) {
      return "its file system is mounted noexec: keep it elsewhere, or run it through its "
             "interpreter";
    }
    return "it is not executable: make it so with chmod +x";
  }
  const std::string interpreter = Interpreter(head);
  if (!interpreter.empty()) {
    return fmt::format("the interpreter \"{}\" of its first line is not executable", interpreter);
  }
  return "permission denied";
}

size_t BytesForExec(const Command& command) {
  size_t bytes = 0;
  for (const std::string& argument : command.argv) bytes += argument.size() + 1;
  for (const auto& [name, value] : command.variables) bytes += name.size() + value.size() + 2;
  return bytes;
}

/// The path that exists, where any does, whatever execve() said of the last one.
std::string ExistingPath(const Command& command, const std::vector<std::string>& paths,
                         const SpawnFailure& failure) {
  struct stat status{};
  if (failure.error != ENOENT && failure.path < paths.size()) return paths[failure.path];
  for (const std::string& path : paths) {
    if (::stat(FromHere(command, path).c_str(), &status) == 0) return path;
  }
  return {};
}

}  // namespace

bool IsShellScript(const Command& command, const std::string& path) {
  const std::string head = Head(FromHere(command, path));
  return !IsElf(head) && head.substr(0, head.find('\n')).find('\0') == std::string::npos;
}

StartError ExplainStartFailure(const Command& command, const std::vector<std::string>& paths,
                               const SpawnFailure& failure) {
  const std::string& name = command.argv.front();
  const auto cannot_run = [&](std::string_view what, std::string_view why) {
    return StartError{126, fmt::format("cannot run \"{}\": {}", what, why)};
  };
  const std::string cause = Error::System(failure.error, "").message().substr(2);
  if (failure.step == SpawnFailure::Step::kDirectory) {
    return cannot_run(name, fmt::format("cannot enter its working directory \"{}\": {}",
                                        command.directory, cause));
  }
  if (failure.step == SpawnFailure::Step::kSetUp) {
    return cannot_run(name, fmt::format("cannot set up its process: {}", cause));
  }

  const std::string path = ExistingPath(command, paths, failure);
  struct stat status{};
  if (path.empty() || ::stat(FromHere(command, path).c_str(), &status) != 0) {
    if (name.find('/') == std::string::npos) {
      return {127, fmt::format("cannot find \"{}\" on the PATH ({}): install it or give its path",
                               name, SearchPath(command.variables))};
    }
    return {127, fmt::format("cannot find \"{}\"{}: {}", name,
                             command.directory.empty()
                                 ? std::string()
                                 : fmt::format(" from the directory \"{}\"", command.directory),
                             cause)};
  }
  const std::string head = S_ISREG(status.st_mode) ? Head(FromHere(command, path)) : "";
  switch (failure.error) {
    case ENOENT:
      return cannot_run(path, ExplainMissingPart(head));
    case EACCES:
      return cannot_run(path, ExplainDenied(FromHere(command, path), status, head));
    case ENOEXEC:
      return cannot_run(path, ExplainFormat(head));
    case E2BIG:
      return cannot_run(path, fmt::format("its arguments and environment take {} bytes, more than "
                                          "the kernel passes on (128 KiB for one of them)",
                                          BytesForExec(command)));
    default:
      return cannot_run(path, cause);
  }
}

}  // namespace berth::process
