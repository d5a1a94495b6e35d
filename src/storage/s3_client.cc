#include "storage/s3_client.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>

#include "storage/download.h"
#include "storage/listing.h"
#include "storage/object_facts.h"
#include "storage/object_stream.h"
#include "storage/range.h"
#include "storage/requester.h"
#include "storage/upload.h"

namespace berth::storage {

S3Client::S3Client(std::unique_ptr<Requester> requester) : requester_(std::move(requester)) {}

S3Client::~S3Client() = default;

Result<std::unique_ptr<S3Client>> S3Client::Open(Settings settings, const Cancellation* cancel) {
  BERTH_ASSIGN(auto requester, Requester::Make(std::move(settings), cancel));
  return std::unique_ptr<S3Client>(new S3Client(std::move(requester)));
}

const Settings& S3Client::settings() const {
  return requester_->settings();
}

Result<ObjectInfo> S3Client::Head(const S3Uri& uri, const Control& control) {
  auto facts = AskFacts(*requester_, uri, "look at", control.cancel);
  if (!facts) return Fail(std::move(facts).error().error);
  return facts->info;
}

Result<void> S3Client::List(const S3Uri& prefix,
                            const std::function<Result<void>(ObjectInfo)>& each,
                            const Control& control) {
  return ListAll(*requester_, prefix, each, control.cancel);
}

Error S3Client::WithNeighbours(const S3Uri& uri, Error error, const Control& control) {
  return storage::WithNeighbours(*requester_, uri, std::move(error), control.cancel);
}

Result<ObjectInfo> S3Client::Get(const S3Uri& uri, const std::filesystem::path& to,
                                 const Control& control, const ObjectInfo* known) {
  auto got = Download(*requester_, uri, to, control, known);
  if (!got && got.error().system_error() == ENOENT) {
    return Fail(WithNeighbours(uri, got.error(), control));
  }
  return got;
}

Result<std::unique_ptr<ObjectReader>> S3Client::Read(const S3Uri& uri, const Control& control) {
  auto stream = OpenStream(*requester_, uri, control);
  if (!stream && stream.error().system_error() == ENOENT) {
    return Fail(WithNeighbours(uri, stream.error(), control));
  }
  return stream;
}

Result<std::string> S3Client::GetBytes(const S3Uri& uri, size_t limit, const Control& control) {
  BERTH_ASSIGN(const auto reader, Read(uri, control));
  if (reader->size() > limit) {
    return Fail(fmt::format("cannot get {}: it has {} bytes, at most {} are expected", uri.Text(),
                            reader->size(), limit),
                EFBIG);
  }
  std::string bytes(reader->size(), '\0');
  size_t have = 0;
  for (;;) {
    // One more than is left, so that the end is reached and the checksum compared.
    char beyond = 0;
    const bool all = have == bytes.size();
    BERTH_ASSIGN(const size_t n,
                 reader->Read(all ? &beyond : bytes.data() + have, all ? 1 : bytes.size() - have));
    if (n == 0) return bytes;
    have += n;
  }
}

Result<void> S3Client::GetRange(const std::string& bucket, const ObjectInfo& version,
                                uint64_t offset, std::span<char> buffer, const Control& control) {
  return FetchRange(*requester_, bucket, version, offset, buffer, control);
}

Result<void> S3Client::Put(const std::filesystem::path& from, const S3Uri& uri,
                           const Control& control) {
  // Without O_NONBLOCK the open of a FIFO would wait for its writer.
  const Descriptor file(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return FailErrno(fmt::format("cannot open \"{}\"", from.string()));
  return PutDescriptor(file.get(), from.string(), uri, control);
}

Result<void> S3Client::PutDescriptor(int descriptor, std::string_view name, const S3Uri& uri,
                                     const Control& control) {
  return Upload(*requester_, descriptor, name, uri, control);
}

Result<void> S3Client::PutBytes(std::string bytes, const S3Uri& uri, const Control& control) {
  return UploadBytes(*requester_, std::move(bytes), uri, control);
}

Result<void> S3Client::Delete(const S3Uri& uri, const Control& control) {
  Request request{.method = "DELETE",
                  .operation = "DeleteObject",
                  .bucket = uri.bucket,
                  .key = uri.key,
                  .prefix = {},
                  .query = {},
                  .headers = {},
                  .body = {},
                  .sink = {}};
  auto reply = requester_->Send(request, "delete", "s3:DeleteObject", 0, control.cancel);
  if (!reply && reply.error().code == "NoSuchKey") return {};
  if (!reply) return Fail(std::move(reply).error().error);
  return {};
}

}  // namespace berth::storage
