#include "platform/channel_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <future>
#include <span>
#include <string>

#include "core/descriptor.h"
#include "platform/recordio.h"
#include "storage/inflater.h"

namespace berth::platform {
namespace {

/// Small objects are opened so many ahead, so that the way to S3 is not paid for one by one.
constexpr size_t kAhead = 8;
constexpr uint64_t kSmall = uint64_t{1} << 20;
constexpr size_t kChunk = size_t{256} << 10;

/// A stretch of the stream: content of an object, or a text.
struct Piece {
  Item item{};
  bool is_text = false;
  std::string text{};

  std::string Name() const { return is_text ? "a value of the manifest" : item.Text(); }
};

/// The pieces of an epoch, one after the other, the next ones being opened meanwhile.
class Pieces {
 public:
  Pieces(const ChannelData& data, const std::vector<size_t>& order, DataStore& store)
      : data_(data), order_(order), store_(store) {}

  struct Next {
    Piece piece;
    std::future<Result<OpenedItem>> opened;
  };

  /// False at the end.
  Result<bool> Take(Next& next) {
    while (ahead_.size() < kAhead && !large_ && at_ < order_.size()) BERTH_TRY(Open());
    if (ahead_.empty()) return false;
    next = std::move(ahead_.front());
    ahead_.pop_front();
    if (ahead_.empty()) large_ = false;
    return true;
  }

 private:
  Result<void> Open() {
    Next next;
    BERTH_ASSIGN(next.piece, Advance());
    if (!next.piece.is_text) {
      // At most one of these at a time: each holds some pieces of its own in memory.
      large_ = next.piece.item.object.size > kSmall;
      next.opened = std::async(std::launch::async,
                               [this, item = next.piece.item] { return store_.Open(item); });
    }
    ahead_.push_back(std::move(next));
    return {};
  }

  Result<Piece> Advance() {
    if (data_.lines.empty()) return Piece{.item = data_.items[order_[at_++]]};
    const std::vector<ManifestPart>& line = data_.lines[order_[at_]];
    const ManifestPart& part = line[part_];
    if (++part_ == line.size()) {
      part_ = 0;
      ++at_;
    }
    if (!part.reference) return Piece{.is_text = true, .text = part.text};
    BERTH_ASSIGN(Item item, store_.Named(part.text));
    return Piece{.item = std::move(item)};
  }

  const ChannelData& data_;
  const std::vector<size_t>& order_;
  DataStore& store_;
  size_t at_ = 0;
  size_t part_ = 0;
  bool large_ = false;
  std::deque<Next> ahead_;
};

Result<void> WriteRecord(int writer, std::string_view content, const std::string& name) {
  if (content.size() > kMaxRecord) {
    return Fail(fmt::format("{} has {} bytes, a RecordIO record at most {}", name, content.size(),
                            kMaxRecord));
  }
  const auto header = RecordHeader(content.size());
  BERTH_TRY(WriteAll(writer, header.data(), header.size()));
  BERTH_TRY(WriteAll(writer, content.data(), content.size()));
  const std::string_view padding = RecordPadding(content.size());
  return WriteAll(writer, padding.data(), padding.size());
}

/// Undoes the compression. Only the writing may fail with EPIPE.
Result<void> StreamGzip(const storage::ByteSource& source, bool wrapped, const std::string& name,
                        int writer) {
  storage::Inflater inflater(source, wrapped ? kMaxRecord : UINT64_MAX,
                             storage::Inflater::Takes::kGzip);
  std::string whole;
  for (;;) {
    auto bytes = inflater.Next();
    if (!bytes) return Fail(bytes.error().Within("cannot decompress " + name));
    if (bytes->empty()) break;
    if (wrapped) {
      whole.append(bytes->data(), bytes->size());
    } else {
      BERTH_TRY(WriteAll(writer, bytes->data(), bytes->size()));
    }
  }
  if (!wrapped) return {};
  return WriteRecord(writer, whole, name);
}

Result<void> StreamPlain(const OpenedItem& opened, bool wrapped, const std::string& name,
                         int writer) {
  if (wrapped) {
    if (opened.size > kMaxRecord) {
      return Fail(fmt::format("{} has {} bytes, a RecordIO record at most {}", name, opened.size,
                              kMaxRecord));
    }
    const auto header = RecordHeader(opened.size);
    BERTH_TRY(WriteAll(writer, header.data(), header.size()));
  }
  std::vector<char> buffer(kChunk);
  uint64_t sent = 0;
  while (sent < opened.size) {
    const auto room = static_cast<size_t>(std::min<uint64_t>(buffer.size(), opened.size - sent));
    BERTH_ASSIGN(const size_t n, opened.source(std::span(buffer.data(), room)));
    if (n == 0) return Fail(fmt::format("{} became shorter while it was read", name));
    BERTH_TRY(WriteAll(writer, buffer.data(), n));
    sent += n;
  }
  // Its end is where it is verified.
  char more = 0;
  BERTH_TRY(opened.source(std::span(&more, 1)));
  if (!wrapped) return {};
  const std::string_view padding = RecordPadding(opened.size);
  return WriteAll(writer, padding.data(), padding.size());
}

}  // namespace

Result<void> StreamChannel(const Channel& channel, const ChannelData& data,
                           const std::vector<size_t>& order, DataStore& store, int writer) {
  const bool wrapped = channel.record_wrapper == "RecordIO";
  const bool gzip = channel.compression == "Gzip";
  Pieces pieces(data, order, store);
  Pieces::Next next;
  for (;;) {
    BERTH_ASSIGN(const bool more, pieces.Take(next));
    if (!more) return {};
    if (next.piece.is_text) {
      const std::string& text = next.piece.text;
      BERTH_TRY(wrapped ? WriteRecord(writer, text, next.piece.Name())
                        : WriteAll(writer, text.data(), text.size()));
      continue;
    }
    // An empty one stands for a folder; the name of another is nothing to a stream.
    if (next.piece.item.folder && next.piece.item.object.size == 0) continue;
    BERTH_ASSIGN(const OpenedItem opened, next.opened.get());
    const std::string name = next.piece.Name();
    BERTH_TRY(gzip ? StreamGzip(opened.source, wrapped, name, writer)
                   : StreamPlain(opened, wrapped, name, writer));
  }
}

}  // namespace berth::platform
