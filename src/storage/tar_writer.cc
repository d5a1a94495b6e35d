#include "storage/tar_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/descriptor.h"

namespace berth::storage {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kOutputBytes = size_t{256} << 10;
constexpr int kGzip = MAX_WBITS + 16;
constexpr int kMemoryLevel = 8;

// Fields of a header: where, how long. The same in every tar since 1979.
struct Field {
  size_t at;
  size_t length;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUser{108, 8}, kGroup{116, 8}, kSize{124, 12},
    kTime{136, 12}, kChecksum{148, 8}, kType{156, 1}, kLinkTarget{157, 100}, kMagic{257, 8};

using Block = std::array<char, kBlock>;

void SetText(Block& block, Field field, std::string_view text) {
  text = text.substr(0, field.length);
  std::copy(text.begin(), text.end(), block.begin() + static_cast<std::ptrdiff_t>(field.at));
}

/// Octal digits, or, where they do not suffice (files from 8 GiB, times before 1970), GNU's binary
/// form: two's complement, highest byte first, marked by the first bit.
void SetNumber(Block& block, Field field, int64_t value) {
  const size_t digits = field.length - 1;
  if (value >= 0 && (3 * digits >= 63 || value < int64_t{1} << (3 * digits))) {
    SetText(block, field, fmt::format("{:0{}o}", value, digits));
    return;
  }
  for (size_t i = field.length; i-- > 0; value >>= 8) {
    block[field.at + i] = static_cast<char>(value & 0xFF);
  }
  block[field.at] = static_cast<char>(block[field.at] | '\x80');
}

uint64_t PaddingOf(uint64_t size) {
  return (kBlock - size % kBlock) % kBlock;
}

}  // namespace

TarWriter::TarWriter(int fd)
    : fd_(fd),
      ready_(deflateInit2(&zlib_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemoryLevel,
                          Z_DEFAULT_STRATEGY) == Z_OK),
      output_(kOutputBytes) {}

TarWriter::~TarWriter() {
  if (ready_) deflateEnd(&zlib_);
}

Result<void> TarWriter::AddDirectory(const std::string& name, unsigned mode, std::time_t time) {
  return Begin({.name = name + "/", .type = '5', .mode = mode, .time = time});
}

Result<void> TarWriter::AddSymbolicLink(const std::string& name, const std::string& target,
                                        std::time_t time) {
  return Begin({.name = name, .type = '2', .link_target = target, .mode = 0777, .time = time});
}

Result<void> TarWriter::AddFile(const std::string& name, uint64_t size, unsigned mode,
                                std::time_t time) {
  BERTH_TRY(Begin({.name = name, .size = size, .mode = mode, .time = time}));
  missing_ = size;
  padding_ = PaddingOf(size);
  return {};
}

Result<void> TarWriter::Write(std::span<const char> bytes) {
  missing_ -= std::min<uint64_t>(missing_, bytes.size());
  return Put({bytes.data(), bytes.size()});
}

Result<void> TarWriter::Close() {
  BERTH_TRY(PutZeros(missing_ + padding_ + 2 * kBlock));
  return Put({}, Z_FINISH);
}

/// Ends the present file, then writes a header with what GNU's form puts before it.
Result<void> TarWriter::Begin(const Header& header) {
  BERTH_TRY(PutZeros(missing_ + padding_));
  missing_ = padding_ = 0;
  if (header.link_target.size() > kLinkTarget.length) BERTH_TRY(PutLong('K', header.link_target));
  if (header.name.size() > kName.length) BERTH_TRY(PutLong('L', header.name));
  return PutHeader(header);
}

/// A name too long for its field, as an entry of its own.
Result<void> TarWriter::PutLong(char type, std::string_view text) {
  const uint64_t size = text.size() + 1;
  BERTH_TRY(PutHeader({.name = "././@LongLink", .type = type, .size = size}));
  BERTH_TRY(Put(text));
  return PutZeros(1 + PaddingOf(size));
}

Result<void> TarWriter::PutHeader(const Header& header) {
  Block block{};
  SetText(block, kName, header.name);
  SetNumber(block, kMode, header.mode & 0777);
  SetNumber(block, kUser, 0);
  SetNumber(block, kGroup, 0);
  SetNumber(block, kSize, static_cast<int64_t>(header.size));
  SetNumber(block, kTime, header.time);
  SetText(block, kType, {&header.type, 1});
  SetText(block, kLinkTarget, header.link_target);
  SetText(block, kMagic, "ustar  ");
  SetText(block, kChecksum, "        ");  // counts as spaces in its own sum
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  SetText(block, kChecksum, fmt::format("{:06o}", sum));
  block[kChecksum.at + 6] = '\0';
  return Put({block.data(), block.size()});
}

Result<void> TarWriter::PutZeros(uint64_t count) {
  constexpr Block kZeros{};
  while (count > 0) {
    const size_t step = std::min<uint64_t>(count, kBlock);
    BERTH_TRY(Put({kZeros.data(), step}));
    count -= step;
  }
  return {};
}

Result<void> TarWriter::Put(std::string_view bytes, int flush) {
  if (!ready_) return Fail("out of memory for compression");
  zlib_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  zlib_.avail_in = static_cast<uInt>(bytes.size());
  for (;;) {
    zlib_.next_out = reinterpret_cast<Bytef*>(output_.data());
    zlib_.avail_out = static_cast<uInt>(output_.size());
    deflate(&zlib_, flush);
    const size_t made = output_.size() - zlib_.avail_out;
    BERTH_TRY(WriteAll(fd_, output_.data(), made));
    if (zlib_.avail_out > 0) return {};  // it has taken all, and given all it will give now
  }
}

}  // namespace berth::storage
