#include "platform/data_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "core/descriptor.h"
#include "core/files.h"
#include "platform/request.h"
#include "storage/names.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;
using storage::S3Uri;

/// The place in a key where names begin.
std::string_view BaseOf(std::string_view key, std::string_view prefix) {
  if (prefix.ends_with('/') || (key.size() > prefix.size() && key[prefix.size()] == '/')) {
    return prefix;
  }
  return prefix.substr(0, prefix.rfind('/') + 1);
}

Result<Item> FileItem(const fs::path& path, std::string name) {
  struct stat about;
  if (::stat(path.c_str(), &about) != 0) return FailErrno("cannot read \"" + path.string() + "\"");
  if (!S_ISREG(about.st_mode)) {
    return Fail(fmt::format("\"{}\" is no regular file", path.string()));
  }
  return Item{.object = {.key = path.string(),
                         .size = static_cast<uint64_t>(about.st_size),
                         .etag = {},
                         .modified = about.st_mtime},
              .name = std::move(name)};
}

}  // namespace

std::string Item::Text() const {
  return bucket.empty() ? object.key : S3Uri{bucket, object.key}.Text();
}

DataStore::DataStore(std::map<std::string, std::string> variables, std::string working_directory,
                     const storage::Cancellation& cancel)
    : variables_(std::move(variables)),
      working_directory_(std::move(working_directory)),
      cancel_(cancel) {}

Result<storage::S3Client*> DataStore::Client() {
  const std::lock_guard lock(mutex_);
  if (client_ == nullptr) {
    BERTH_ASSIGN(storage::Settings settings, storage::Settings::FromEnvironment(variables_));
    BERTH_ASSIGN(client_, storage::S3Client::Open(std::move(settings), &cancel_));
  }
  return client_.get();
}

std::string DataStore::PathOf(const std::string& uri) const {
  return LocalPath(uri, working_directory_).value_or(uri);
}

Result<std::vector<Item>> DataStore::List(const std::string& uri, bool named) {
  if (!storage::IsS3(uri)) return ListFiles(PathOf(uri));
  BERTH_ASSIGN(const S3Uri prefix, storage::ParseS3Uri(uri));
  return ListObjects(prefix, named);
}

/// As the platform says it; then what to do.
std::unexpected<Error> DataStore::NothingUnder(storage::S3Client& client,
                                               const S3Uri& prefix) const {
  return Fail(client.WithNeighbours(
      prefix,
      Error(
          fmt::format("No S3 objects found under S3 URL \"{}\": put objects there, or correct the "
                      "address (a folder's ends in '/')",
                      prefix.Text()),
          ENOENT),
      Limits()));
}

Result<std::vector<Item>> DataStore::ListObjects(const S3Uri& prefix, bool named) {
  BERTH_ASSIGN(storage::S3Client* const client, Client());
  std::vector<Item> items;
  BERTH_TRY(client->List(
      prefix,
      [&](storage::ObjectInfo info) -> Result<void> {
        storage::LocalName name{.path = {}, .directory = info.key.ends_with('/')};
        if (named) {
          BERTH_ASSIGN(
              name, storage::LocalNameOf({prefix.bucket, info.key}, BaseOf(info.key, prefix.key)));
        }
        items.push_back({.bucket = prefix.bucket,
                         .object = std::move(info),
                         .name = std::move(name.path),
                         .folder = name.directory});
        return {};
      },
      Limits()));
  if (items.empty()) return NothingUnder(*client, prefix);
  return items;
}

Result<std::vector<Item>> DataStore::ListFiles(const std::string& path) {
  std::error_code cause;
  if (!fs::is_directory(path, cause)) {
    BERTH_ASSIGN(Item item, FileItem(path, fs::path(path).filename().string()));
    return std::vector{std::move(item)};
  }
  std::vector<Item> items;
  fs::recursive_directory_iterator entry(path, cause);
  for (; !cause && entry != fs::recursive_directory_iterator(); entry.increment(cause)) {
    std::error_code unknown;
    if (!entry->is_regular_file(unknown)) continue;
    BERTH_ASSIGN(Item item, FileItem(entry->path(), entry->path().lexically_relative(path)));
    items.push_back(std::move(item));
  }
  if (cause) return Fail(Error::System(cause.value(), "cannot read \"" + path + "\""));
  if (items.empty()) return Fail("there are no files in \"" + path + "\"", ENOENT);
  std::sort(items.begin(), items.end(),
            [](const Item& a, const Item& b) { return a.object.key < b.object.key; });
  return items;
}

Result<void> DataStore::CheckPrefix(const std::string& uri) {
  if (!storage::IsS3(uri)) {
    const auto listed = ListFiles(PathOf(uri));
    if (!listed) return Fail(listed.error());
    return {};
  }
  BERTH_ASSIGN(const S3Uri prefix, storage::ParseS3Uri(uri));
  BERTH_ASSIGN(storage::S3Client* const client, Client());
  bool any = false;
  const auto listed = client->List(
      prefix,
      [&any](const storage::ObjectInfo&) -> Result<void> {
        any = true;
        return Fail("enough");  // ends the listing
      },
      Limits());
  if (any) return {};
  if (!listed) return Fail(listed.error());
  return NothingUnder(*client, prefix);
}

Result<Item> DataStore::Named(const std::string& uri) const {
  if (!storage::IsS3(uri)) return Item{.object = {.key = PathOf(uri), .size = 0, .etag = {}}};
  BERTH_ASSIGN(S3Uri object, storage::ParseS3Uri(uri));
  return Item{.bucket = std::move(object.bucket),
              .object = {.key = std::move(object.key), .size = 0, .etag = {}}};
}

Result<Item> DataStore::Find(const std::string& uri) {
  if (!storage::IsS3(uri)) {
    const std::string path = PathOf(uri);
    return FileItem(path, fs::path(path).filename().string());
  }
  BERTH_ASSIGN(const S3Uri object, storage::ParseS3Uri(uri));
  BERTH_ASSIGN(storage::S3Client* const client, Client());
  BERTH_ASSIGN(storage::ObjectInfo info, client->Head(object, Limits()));
  info.key = object.key;
  return Item{.bucket = object.bucket, .object = std::move(info)};
}

Result<std::string> DataStore::ReadText(const std::string& uri, size_t limit) {
  if (!storage::IsS3(uri)) return ReadFile(PathOf(uri), limit);
  BERTH_ASSIGN(const S3Uri object, storage::ParseS3Uri(uri));
  BERTH_ASSIGN(storage::S3Client* const client, Client());
  return client->GetBytes(object, limit, Limits());
}

Result<OpenedItem> DataStore::Open(const Item& item) {
  if (item.bucket.empty()) {
    auto file = std::make_shared<Descriptor>(::open(item.object.key.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat about;
    if (!*file || ::fstat(file->get(), &about) != 0) {
      return FailErrno("cannot read \"" + item.object.key + "\"");
    }
    return OpenedItem{[file, read = storage::FromDescriptor(file->get())](std::span<char> buffer) {
                        return read(buffer);
                      },
                      static_cast<uint64_t>(about.st_size)};
  }
  BERTH_ASSIGN(storage::S3Client* const client, Client());
  BERTH_ASSIGN(std::shared_ptr<storage::ObjectReader> reader,
               client->Read({item.bucket, item.object.key}, Limits()));
  const uint64_t size = reader->size();
  return OpenedItem{
      [reader](std::span<char> buffer) { return reader->Read(buffer.data(), buffer.size()); },
      size};
}

Result<void> DataStore::ReadRange(const Item& item, uint64_t offset, std::span<char> buffer) {
  if (!item.bucket.empty()) {
    BERTH_ASSIGN(storage::S3Client* const client, Client());
    return client->GetRange(item.bucket, item.object, offset, buffer, Limits());
  }
  const std::string what = "cannot read \"" + item.object.key + "\"";
  const Descriptor file(::open(item.object.key.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat about;
  if (!file || ::fstat(file.get(), &about) != 0) return FailErrno(what);
  if (static_cast<uint64_t>(about.st_size) != item.object.size ||
      about.st_mtime != item.object.modified) {
    return Fail(what + ": it changed since the job started", ESTALE);
  }
  for (size_t have = 0; have < buffer.size();) {
    const ssize_t n = ::pread(file.get(), buffer.data() + have, buffer.size() - have,
                              static_cast<off_t>(offset + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FailErrno(what);
    if (n == 0) return Fail(what + ": it changed since the job started", ESTALE);
    have += static_cast<size_t>(n);
  }
  return {};
}

}  // namespace berth::platform
