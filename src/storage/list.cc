#include <fcntl.h>
#include <fmt/format.h>

#include <limits>
#include <utility>

#include "core/descriptor.h"
#include "storage/archive.h"
#include "storage/tar_reader.h"

namespace berth::storage {
namespace {

/// As it would be extracted: no "./" in front, no slash behind.
std::string Plain(std::string name) {
  while (name.starts_with("./")) name.erase(0, 2);
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
  return name;
}

Result<std::vector<ArchiveEntry>> List(const ByteSource& source, size_t limit) {
  TarReader reader(source, std::numeric_limits<uint64_t>::max());
  std::vector<ArchiveEntry> entries;
  for (;;) {
    BERTH_ASSIGN(auto entry, reader.Next());
    if (!entry) return entries;
    std::string name = Plain(std::move(entry->name));
    if (entries.size() == limit || name.empty() || name == ".") continue;
    entries.push_back({.name = std::move(name),
                       .size = entry->size,
                       .is_directory = entry->kind == EntryKind::kDirectory,
                       .link_target = std::move(entry->link_target)});
  }
}

}  // namespace

Result<std::vector<ArchiveEntry>> ListTarGz(const std::filesystem::path& archive, size_t limit) {
  const std::string what = fmt::format("cannot list \"{}\"", archive.string());
  const Descriptor file(::open(archive.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return FailErrno(what);
  auto entries = List(FromDescriptor(file.get()), limit);
  if (!entries) return Fail(entries.error().Within(what));
  return entries;
}

}  // namespace berth::storage
