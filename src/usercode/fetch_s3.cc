#include "usercode/fetch_s3.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "storage/archive.h"
#include "storage/names.h"
#include "storage/s3_client.h"
#include "storage/settings.h"
#include "storage/uri.h"
#include "usercode/is_archive.h"

namespace berth::usercode {
namespace {

// The only stream of the process: it may hold more than others, and begins sooner with fewer
// requests. Some servers look at the whole object for each of them.
constexpr uint64_t kPiece = uint64_t{8} << 20;

/// The first bytes of the object, all kArchiveHead unless it is shorter.
Result<std::string> HeadOf(storage::ObjectReader& reader) {
  std::string head(kArchiveHead, '\0');
  size_t have = 0;
  while (have < head.size()) {
    BERTH_ASSIGN(const size_t n, reader.Read(head.data() + have, head.size() - have));
    if (n == 0) break;
    have += n;
  }
  head.resize(have);
  return head;
}

/// `head`, then what `reader` goes on with.
storage::ByteSource Rejoined(std::string_view head, storage::ObjectReader& reader) {
  return [head, &reader](std::span<char> buffer) mutable -> Result<size_t> {
    if (head.empty()) return reader.Read(buffer.data(), buffer.size());
    const size_t n = head.copy(buffer.data(), buffer.size());
    head.remove_prefix(n);
    return n;
  };
}

}  // namespace

Result<void> FetchFromS3(const std::string& address, const std::filesystem::path& code,
                         const S3Access& access) {
  BERTH_ASSIGN(const storage::S3Uri uri, storage::ParseS3Uri(address));
  if (uri.key.empty() || uri.key.ends_with('/')) {
    return Fail(
        "it is a prefix, not an object; set sagemaker_submit_directory to the .tar.gz that holds "
        "the entry point");
  }
  const std::string folder = uri.key.substr(0, uri.key.rfind('/') + 1);
  BERTH_ASSIGN(const storage::LocalName name, storage::LocalNameOf(uri, folder));
  BERTH_ASSIGN(storage::Settings settings, storage::Settings::FromEnvironment(access.variables));
  if (settings.region.empty()) settings.region = access.region;
  settings.stream_piece_size = kPiece;
  BERTH_ASSIGN(const auto client, storage::S3Client::Open(std::move(settings), access.cancel));
  const storage::Control control{.cancel = access.cancel, .moved = {}};
  {
    BERTH_ASSIGN(const auto reader, client->Read(uri, control));
    BERTH_ASSIGN(const std::string head, HeadOf(*reader));
    if (IsArchive(name.path, head)) {
      BERTH_ASSIGN(const auto limits, storage::ExtractLimits::FromEnvironment(access.variables));
      if (auto done = storage::ExtractTarGz(Rejoined(head, *reader), code, limits); !done) {
        return Fail(done.error());
      }
      return {};
    }
  }
  if (auto done = client->Get(uri, code / name.path, control); !done) return Fail(done.error());
  return {};
}

}  // namespace berth::usercode
