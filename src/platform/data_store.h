// The objects of s3:// and the files of file://, as a channel's data is made of them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "storage/archive.h"
#include "storage/cancellation.h"
#include "storage/s3_client.h"

namespace berth::platform {

/// One object of S3, or one file of this machine.
struct Item {
  std::string bucket{};          // empty: a file of this machine
  storage::ObjectInfo object{};  // its key, or the file's path; its size
  /// Where it belongs below the channel's folder.
  std::string name{};
  bool folder = false;  // an empty object "name/", which stands for a folder

  /// "s3://bucket/key", or the path.
  std::string Text() const;
};

/// Content while it is read.
struct OpenedItem {
  storage::ByteSource source{};
  uint64_t size = 0;
};

/// From any thread. The client of S3 is started when the first s3:// address is met.
class DataStore {
 public:
  /// `variables` say how S3 is reached. Relative file:// paths begin at `working_directory`.
  /// `cancel` must outlive it.
  DataStore(std::map<std::string, std::string> variables, std::string working_directory,
            const storage::Cancellation& cancel);

  [[nodiscard]] Result<storage::S3Client*> Client();

  /// What a S3Prefix means: every object whose key begins so, in the order of the keys. Names are
  /// relative to the prefix where that ends in '/' or is followed by one in every key, else to
  /// the prefix's last '/'. A folder of this machine stands for the files below it, a file for
  /// itself. ENOENT where there is none. Fails for a key that cannot be a file's name, unless names
  /// are not `named`: then the items have none.
  [[nodiscard]] Result<std::vector<Item>> List(const std::string& uri, bool named = true);

  /// Fails as List() would where there is nothing, without reading the whole list.
  [[nodiscard]] Result<void> CheckPrefix(const std::string& uri);

  /// One object by its address alone: nobody is asked, and its size is 0.
  [[nodiscard]] Result<Item> Named(const std::string& uri) const;

  /// One object, asked for its size.
  [[nodiscard]] Result<Item> Find(const std::string& uri);

  [[nodiscard]] Result<std::string> ReadText(const std::string& uri, size_t limit);

  [[nodiscard]] Result<OpenedItem> Open(const Item& item);

  /// The bytes from `offset` on that fill `buffer`, of the version that `item` tells of; the item
  /// has so many. ESTALE where it is another one by now.
  [[nodiscard]] Result<void> ReadRange(const Item& item, uint64_t offset, std::span<char> buffer);

  const storage::Cancellation& cancel() const { return cancel_; }

 private:
  Result<std::vector<Item>> ListObjects(const storage::S3Uri& prefix, bool named);
  std::unexpected<Error> NothingUnder(storage::S3Client& client,
                                      const storage::S3Uri& prefix) const;
  Result<std::vector<Item>> ListFiles(const std::string& path);
  storage::Control Limits() const { return {.cancel = &cancel_, .moved = {}}; }
  std::string PathOf(const std::string& uri) const;

  const std::map<std::string, std::string> variables_;
  const std::string working_directory_;
  const storage::Cancellation& cancel_;
  std::mutex mutex_;  // guards the next
  std::unique_ptr<storage::S3Client> client_;
};

}  // namespace berth::platform
