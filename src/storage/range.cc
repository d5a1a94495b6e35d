#include "storage/range.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "storage/download.h"
#include "storage/object_facts.h"
#include "storage/requester.h"
#include "storage/verifier.h"

namespace berth::storage {
namespace {

// How often a whole object is asked for again that arrived damaged.
constexpr int kRounds = 3;

std::unexpected<Error> Changed(const S3Uri& uri) {
  return Fail(fmt::format("cannot get {}: the object is no longer the one that was listed: it was "
                          "replaced meanwhile",
                          uri.Text()),
              ESTALE);
}

bool Matches(const Reply& reply, const ObjectInfo& version, std::span<char> bytes) {
  ObjectFacts facts = FactsFrom(reply.headers, version.key);
  facts.info.size = bytes.size();
  Verifier verifier(facts, bytes.size(), [bytes](char* to, size_t size, uint64_t offset) {
    std::memcpy(to, bytes.data() + offset, size);
    return true;
  });
  verifier.Stored(0, verifier.Add({bytes.data(), bytes.size()}, 0));
  return verifier.Matches();
}

}  // namespace

Result<void> FetchRange(Requester& requester, const std::string& bucket, const ObjectInfo& version,
                        uint64_t offset, std::span<char> buffer, const Control& control) {
  assert(offset + buffer.size() <= version.size);
  const S3Uri uri{bucket, version.key};
  if (buffer.empty()) return {};  // HTTP has no empty range
  // Without a range the answer brings the checksum of the whole along.
  const bool whole = buffer.size() == version.size;
  for (int round = 1;; ++round) {
    size_t have = 0;
    bool overlong = false;
    Request request{.method = "GET",
                    .operation = "GetObject",
                    .bucket = bucket,
                    .key = version.key,
                    .prefix = {},
                    .query = {},
                    .headers = {},
                    .body = {},
                    .sink = [&](std::string_view bytes, uint64_t at) {
                      if (at == 0) have = 0;  // once more from the beginning
                      overlong = bytes.size() > buffer.size() - have;
                      if (overlong) return false;
                      if (bytes.empty()) return true;  // the start of a round: no bytes to point at
                      std::memcpy(buffer.data() + have, bytes.data(), bytes.size());
                      have += bytes.size();
                      return true;
                    }};
    if (!whole) request.headers["range"] = RangeText(offset, buffer.size());
    if (!version.etag.empty()) request.headers["if-match"] = fmt::format("\"{}\"", version.etag);
    auto reply = requester.Send(request, "get", "s3:GetObject", buffer.size(), control.cancel);
    if (overlong || (reply && have < buffer.size())) return Changed(uri);
    if (!reply) {
      if (reply.error().status == 412) return Changed(uri);
      return Fail(std::move(reply).error().error);
    }
    if (!whole && reply->status != 206) {
      return Fail(fmt::format("cannot get {}: the server ignores ranges", uri.Text()));
    }
    if (control.moved) control.moved(buffer.size());
    if (!whole || reply->verified || Matches(*reply, version, buffer)) return {};
    if (round == kRounds) {
      return Fail(fmt::format("cannot get {}: what arrives does not match the object's checksum: "
                              "something between changes it, or the object is damaged",
                              uri.Text()),
                  EBADMSG);
    }
  }
}

}  // namespace berth::storage
