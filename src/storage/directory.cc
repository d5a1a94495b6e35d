// A prefix becomes a directory, and a directory a prefix.
#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <filesystem>

#include "core/files.h"
#include "core/log.h"
#include "storage/links.h"
#include "storage/names.h"
#include "storage/transfer.h"

namespace berth::storage {
namespace fs = std::filesystem;
namespace {

Result<void> MakeFolder(const S3Uri& object, const fs::path& folder) {
  auto made = MakeDirectories(folder);
  if (made) return {};
  return Fail(fmt::format("cannot place {}: {} (is there an object of that name, too?)",
                          object.Text(), made.error().message()),
              made.error().system_error());
}

// A file of an object cannot be where another object needs a folder. Which of the two comes first
// is chance; either way the second fails here or when it gets its name.
Result<void> QueueObject(Transfers& transfers, const S3Uri& prefix, const fs::path& directory,
                         ObjectInfo info) {
  const S3Uri object{prefix.bucket, info.key};
  BERTH_ASSIGN(LocalName name, LocalNameOf(object, prefix.key));
  if (name.directory) {
    if (info.size > 0) {
      return Fail(fmt::format("cannot place {}: its name is that of a folder, and it has {} bytes",
                              object.Text(), info.size));
    }
    return MakeFolder(object, directory / name.path);
  }
  if (name.path.empty()) {
    const size_t slash = info.key.rfind('/');
    name.path = info.key.substr(slash == info.key.npos ? 0 : slash + 1);
  }
  const fs::path target = directory / name.path;
  BERTH_TRY(MakeFolder(object, target.parent_path()));
  std::error_code ignored;
  if (fs::is_directory(target, ignored)) {
    return Fail(fmt::format("cannot place {}: \"{}\" is a folder, because other objects have that "
                            "name as theirs",
                            object.Text(), target.string()),
                EISDIR);
  }
  return transfers.Get(prefix.bucket, std::move(info), target);
}

}  // namespace

Result<TransferReport> DownloadPrefix(S3Client& client, const S3Uri& prefix,
                                      const fs::path& directory, const TransferOptions& options) {
  BERTH_TRY(MakeDirectories(directory));
  BERTH_ASSIGN(const auto transfers, Transfers::Start(client, options));
  const auto listed = client.List(
      prefix,
      [&](ObjectInfo info) -> Result<void> {
        if (!Belongs(info.key, prefix.key)) return {};
        return QueueObject(*transfers, prefix, directory, std::move(info));
      },
      Control{.cancel = options.cancel, .moved = {}});
  if (!listed) return Fail(listed.error());
  return transfers->Finish();
}

Result<TransferReport> UploadDirectory(S3Client& client, const fs::path& directory,
                                       const S3Uri& prefix, const TransferOptions& options,
                                       std::vector<std::string> seen_as) {
  BERTH_ASSIGN(const auto transfers, Transfers::Start(client, options));
  const LinkedFolder folder(directory, std::move(seen_as));
  BERTH_TRY(folder.Walk("", {.file = [&](const std::string& name, const std::string& real,
                                         const struct stat& about) -> Result<void> {
                               BERTH_ASSIGN(S3Uri object, ObjectOf(name, prefix));
                               return transfers->Put(directory / real,
                                                     static_cast<uint64_t>(about.st_size),
                                                     std::move(object));
                             },
                             .left_out =
                                 [&](const std::string& name, const std::string& why) {
                                   log::Warning("storage", "not uploaded: \"{}\": {}",
                                                (directory / name).string(), why);
                                 }}));
  return transfers->Finish();
}

}  // namespace berth::storage
