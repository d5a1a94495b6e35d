#include "storage/inflater.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace berth::storage {
namespace {

constexpr size_t kBufferBytes = size_t{256} << 10;
constexpr int kGzipOnly = MAX_WBITS + 16;

bool StartsLikeGzip(std::span<const char> bytes) {
  return bytes.size() >= 2 && bytes[0] == '\x1f' && bytes[1] == '\x8b';
}

std::unexpected<Error> Damaged(std::string_view how) {
  return Fail(fmt::format("the archive is damaged: {}; make it, or copy it, once more", how));
}

}  // namespace

Inflater::Inflater(const ByteSource& source, uint64_t max_bytes, Takes takes)
    : source_(source), max_bytes_(max_bytes), takes_(takes), input_(kBufferBytes) {}

Inflater::~Inflater() {
  if (format_ == Format::kGzip) inflateEnd(&zlib_);
}

/// Reads until `at_least` bytes are pending or the source has ended.
Result<void> Inflater::Fill(size_t at_least) {
  if (pending_.size() >= at_least) return {};
  if (!pending_.empty()) std::memmove(input_.data(), pending_.data(), pending_.size());
  pending_ = std::span(input_).first(pending_.size());
  while (!source_ended_ && pending_.size() < at_least) {
    BERTH_ASSIGN(const size_t n, source_(std::span(input_).subspan(pending_.size())));
    if (n == 0) source_ended_ = true;
    pending_ = std::span(input_).first(pending_.size() + n);
  }
  return {};
}

Result<void> Inflater::TellFormat() {
  BERTH_TRY(Fill(2));
  if (!StartsLikeGzip(pending_)) {
    if (takes_ == Takes::kGzip && !pending_.empty()) {
      return Fail("it is not gzip: compress it so, or leave the CompressionType out");
    }
    format_ = Format::kPlain;
    return {};
  }
  if (inflateInit2(&zlib_, kGzipOnly) != Z_OK) return Fail("out of memory for decompression");
  format_ = Format::kGzip;
  output_.resize(kBufferBytes);
  return {};
}

Result<std::span<const char>> Inflater::Next() {
  if (format_ == Format::kUnknown) BERTH_TRY(TellFormat());
  return format_ == Format::kPlain ? NextPlain() : NextInflated();
}

Result<std::span<const char>> Inflater::NextPlain() {
  BERTH_TRY(Fill(1));
  const std::span<const char> bytes = pending_;
  pending_ = {};
  return Count(bytes);
}

Result<std::span<const char>> Inflater::NextInflated() {
  size_t produced = 0;
  while (!stream_ended_ && produced == 0) {
    BERTH_TRY(Fill(1));
    if (pending_.empty()) return Damaged("it ends too early");
    zlib_.next_in = reinterpret_cast<Bytef*>(pending_.data());
    zlib_.avail_in = static_cast<uInt>(pending_.size());
    zlib_.next_out = reinterpret_cast<Bytef*>(output_.data());
    zlib_.avail_out = static_cast<uInt>(output_.size());
    const int status = inflate(&zlib_, Z_NO_FLUSH);
    pending_ = pending_.last(zlib_.avail_in);
    produced = output_.size() - zlib_.avail_out;
    if (status == Z_STREAM_END) {
      BERTH_ASSIGN(const bool more, StartNextMember());
      stream_ended_ = !more;
    } else if (status != Z_OK) {
      return Damaged(zlib_.msg != nullptr ? zlib_.msg : "its compressed data is not valid");
    }
  }
  return Count(std::span(output_).first(produced));
}

Result<bool> Inflater::StartNextMember() {
  BERTH_TRY(Fill(2));
  if (StartsLikeGzip(pending_)) {
    inflateReset(&zlib_);
    return true;
  }
  const auto padding = [this] {
    return std::ranges::all_of(pending_, [](char c) { return c == '\0'; });
  };
  bool only_padding = padding();
  while (!source_ended_) {  // so that a download, too, is read to its end
    pending_ = {};
    BERTH_TRY(Fill(1));
    only_padding = only_padding && padding();
  }
  if (takes_ == Takes::kGzip && !only_padding) return Damaged("something follows its end");
  return false;
}

Result<std::span<const char>> Inflater::Count(std::span<const char> bytes) {
  total_ += bytes.size();
  if (total_ > max_bytes_) {
    return Fail(
        fmt::format("the archive holds more than the allowed {} bytes; if it is meant to, "
                    "set BERTH_EXTRACT_MAX_BYTES",
                    max_bytes_));
  }
  const auto last = std::find_if(bytes.rbegin(), bytes.rend(), [](char c) { return c != '\0'; });
  const auto zeros = static_cast<uint64_t>(last - bytes.rbegin());
  trailing_zeros_ = zeros == bytes.size() ? trailing_zeros_ + zeros : zeros;
  return bytes;
}

Result<void> Inflater::Drain() {
  for (;;) {
    BERTH_ASSIGN(const std::span<const char> bytes, Next());
    if (bytes.empty()) return {};
  }
}

}  // namespace berth::storage
