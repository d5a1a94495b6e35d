// Objects of S3, and of servers that speak its protocol, as files, bytes and streams.
//
// Every function blocks, may be called from any thread at any time, ends within a second of a
// Cancellation, and ends by itself: no wait is without a limit (Settings). Failures that pass by
// themselves are tried again with growing random pauses. The Error of the rest is the sentence for
// people: bucket and key, HTTP status, S3's code, message and request id, which source the
// credentials came from, and what to do. Its system_error() is ECANCELED after a cancellation,
// ENOENT where the object or bucket does not exist, EACCES where access was refused.
//
// Memory: at most Settings::memory of objects' bytes at once, whatever their size, plus three
// times Settings::stream_piece_size for each open ObjectReader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"
#include "storage/cancellation.h"
#include "storage/object_info.h"
#include "storage/settings.h"
#include "storage/uri.h"

namespace berth::storage {

class ObjectReader;
class Requester;

/// What accompanies a call. Both may be left out.
struct Control {
  const Cancellation* cancel = nullptr;
  /// Called with the bytes that arrived since the last call, from several threads at once. What
  /// must be moved a second time is counted a second time.
  std::function<void(uint64_t bytes)> moved;
};

class S3Client {
 public:
  /// Starts the client: 5 ms, or 30 ms where certificates must be read, so only where an s3://
  /// address is met. Fails without a region or with certificates that cannot be read; whether the
  /// credentials are good is seen by the first request. Where only the machine's metadata service
  /// can tell the region, that is asked, for six seconds at most.
  [[nodiscard]] static Result<std::unique_ptr<S3Client>> Open(Settings settings,
                                                              const Cancellation* cancel = nullptr);
  ~S3Client();

  /// The sentence `error` about the object or folder `uri` that is not there, with what there is
  /// instead: the key most like it, else some of its neighbours.
  [[nodiscard]] Error WithNeighbours(const S3Uri& uri, Error error, const Control& control = {});

  /// What S3 says of the object.
  [[nodiscard]] Result<ObjectInfo> Head(const S3Uri& uri, const Control& control = {});

  /// Every object whose key begins with `prefix.key`, in the order of their keys, as pages arrive.
  /// An error of `each` ends the listing and is returned.
  [[nodiscard]] Result<void> List(const S3Uri& prefix,
                                  const std::function<Result<void>(ObjectInfo)>& each,
                                  const Control& control = {});

  /// The object becomes the file `to`, replacing one that is there, in one step: until it is whole
  /// and verified it has another name in the same folder (".berth-….part"), which is gone after
  /// every end but SIGKILL. Missing folders are made. Large objects arrive in pieces, in parallel,
  /// all of one version: where the object is replaced meanwhile it starts again.
  ///
  /// Verified means: its size, and its checksum where S3 has one of the whole object or the ETag
  /// is its MD5. `known` saves asking for what a listing has said already.
  [[nodiscard]] Result<ObjectInfo> Get(const S3Uri& uri, const std::filesystem::path& to,
                                       const Control& control = {},
                                       const ObjectInfo* known = nullptr);

  /// The object as bytes; one above `limit` is an error.
  [[nodiscard]] Result<std::string> GetBytes(const S3Uri& uri, size_t limit,
                                             const Control& control = {});

  /// The bytes of `version` from `offset` on that fill `buffer`, which it must have so many of.
  /// Fails with ESTALE where the object is another one by now. Where they are the whole object
  /// they are verified as Get() does it.
  [[nodiscard]] Result<void> GetRange(const std::string& bucket, const ObjectInfo& version,
                                      uint64_t offset, std::span<char> buffer,
                                      const Control& control = {});

  /// The object as a stream, for extraction while it downloads. The client must outlive it.
  [[nodiscard]] Result<std::unique_ptr<ObjectReader>> Read(const S3Uri& uri,
                                                           const Control& control = {});

  /// The regular file becomes the object. What is uploaded is one state of the file: where it
  /// changes meanwhile (size or time of change) it starts again, and after a few times fails with
  /// EAGAIN. Above Settings::part_size in parts, which are taken back where it fails.
  [[nodiscard]] Result<void> Put(const std::filesystem::path& from, const S3Uri& uri,
                                 const Control& control = {});

  /// The same from an open descriptor, whose position does not matter and is left alone: the file
  /// may be renamed or deleted meanwhile. `name` is for messages.
  [[nodiscard]] Result<void> PutDescriptor(int descriptor, std::string_view name, const S3Uri& uri,
                                           const Control& control = {});

  [[nodiscard]] Result<void> PutBytes(std::string bytes, const S3Uri& uri,
                                      const Control& control = {});

  /// It is no error if there is no such object.
  [[nodiscard]] Result<void> Delete(const S3Uri& uri, const Control& control = {});

  const Settings& settings() const;

 private:
  explicit S3Client(std::unique_ptr<Requester> requester);
  const std::unique_ptr<Requester> requester_;
};

/// An object from its first byte to its last, fetched a few pieces ahead. One thread.
class ObjectReader {
 public:
  /// Stops what is on its way.
  virtual ~ObjectReader() = default;

  /// Waits for at least one byte; 0 is the end of a whole and verified object. After an error
  /// there are only errors.
  [[nodiscard]] virtual Result<size_t> Read(void* buffer, size_t size) = 0;

  /// Of the object.
  virtual uint64_t size() const = 0;
};

}  // namespace berth::storage
