#include "storage/listing.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/text.h"

namespace berth::storage {
namespace {

constexpr size_t kNeighbours = 5;

std::expected<ListPage, Failure> Page(Requester& requester, const S3Uri& prefix,
                                      std::string_view delimiter, const std::string& continuation,
                                      const Cancellation* cancel) {
  Request request{.method = "GET",
                  .operation = "ListObjectsV2",
                  .bucket = prefix.bucket,
                  .key = {},
                  .prefix = prefix.key,
                  .query = {},
                  .headers = {},
                  .body = {},
                  .sink = {}};
  if (!continuation.empty()) request.query.emplace_back("continuation-token", continuation);
  if (!delimiter.empty()) request.query.emplace_back("delimiter", delimiter);
  request.query.emplace_back("encoding-type", "url");
  request.query.emplace_back("list-type", "2");
  request.query.emplace_back("prefix", prefix.key);
  auto reply = requester.Send(request, "list", "s3:ListBucket", 0, cancel);
  if (!reply) return std::unexpected(std::move(reply).error());
  auto page = ParseListPage(reply->body);
  if (!page) {
    return std::unexpected(Failure{
        reply->status, {}, page.error().Within(fmt::format("cannot list {}", prefix.Text()))});
  }
  return *std::move(page);
}

}  // namespace

Result<void> ListAll(Requester& requester, const S3Uri& prefix,
                     const std::function<Result<void>(ObjectInfo)>& each,
                     const Cancellation* cancel) {
  std::string continuation;
  for (;;) {
    auto page = Page(requester, prefix, "", continuation, cancel);
    if (!page) return Fail(std::move(page).error().error);
    for (ObjectInfo& object : page->objects) BERTH_TRY(each(std::move(object)));
    if (!page->continuation) return {};
    if (*page->continuation == continuation) {
      return Fail(fmt::format("cannot list {}: the server gives the same page again and again",
                              prefix.Text()));
    }
    continuation = *std::move(page->continuation);
  }
}

Error WithNeighbours(Requester& requester, const S3Uri& uri, Error error,
                     const Cancellation* cancel) {
  // Of a folder, "data/train/", its neighbours are asked for, too.
  const size_t slash = uri.key.empty() ? uri.key.npos : uri.key.rfind('/', uri.key.size() - 2);
  const S3Uri folder{uri.bucket, slash == uri.key.npos ? "" : uri.key.substr(0, slash + 1)};
  const auto page = Page(requester, folder, "/", "", cancel);
  if (!page) return error;
  std::vector<std::string> names;
  for (const ObjectInfo& object : page->objects) names.push_back(object.key);
  names.insert(names.end(), page->prefixes.begin(), page->prefixes.end());
  std::erase(names, uri.key);
  if (names.empty()) {
    return Error(fmt::format("{}; nothing is below {}", error.message(), folder.Text()),
                 error.system_error());
  }
  if (const auto near = Nearest(uri.key, names)) {
    return Error(
        fmt::format("{}; did you mean {}?", error.message(), S3Uri{uri.bucket, *near}.Text()),
        error.system_error());
  }
  const size_t more = names.size() > kNeighbours ? names.size() - kNeighbours : 0;
  names.resize(std::min(names.size(), kNeighbours));
  for (std::string& name : names) name = fmt::format("\"{}\"", name.substr(folder.key.size()));
  return Error(
      fmt::format("{}; below {} there {} {}{}", error.message(), folder.Text(),
                  names.size() == 1 ? "is" : "are", Join(names, ", "), more > 0 ? " and more" : ""),
      error.system_error());
}

}  // namespace berth::storage
