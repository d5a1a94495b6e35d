#include "codec/npz.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "codec/npy.h"

namespace berth::codec {
namespace {

// APPNOTE.TXT 4.3: sizes and offsets of the records' fixed parts. All numbers are little endian.
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr size_t kEndSize = 22;
constexpr uint32_t kEntrySignature = 0x02014b50;
constexpr size_t kEntrySize = 46;
constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr size_t kLocalSize = 30;
constexpr uint16_t kStored = 0;
constexpr uint16_t kDeflated = 8;
/// Deflate makes no more than this many bytes of one.
constexpr uint32_t kMostInflated = 1032;

template <typename T>
T At(std::string_view bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

struct Entry {
  std::string_view name;
  uint16_t method;
  uint32_t crc;
  uint32_t compressed;
  uint32_t size;
  uint32_t local;
};

struct Directory {
  uint16_t count;
  uint32_t size;
  uint32_t offset;
};

Result<Directory> FindDirectory(std::string_view bytes) {
  if (bytes.size() < kEndSize) return NotNative("no zip archive");
  const size_t lowest = bytes.size() - std::min(bytes.size(), kEndSize + 0xFFFF);
  for (size_t at = bytes.size() - kEndSize;; --at) {
    if (At<uint32_t>(bytes, at) == kEndSignature) {
      const std::string_view end = bytes.substr(at);
      const Directory found{At<uint16_t>(end, 10), At<uint32_t>(end, 12), At<uint32_t>(end, 16)};
      if (At<uint32_t>(end, 4) != 0 || At<uint16_t>(end, 8) != found.count) {
        return NotNative("an archive in several parts");
      }
      if (found.offset > at || found.size > at - found.offset) {
        return NotNative("an archive in another format, or cut");
      }
      return found;
    }
    if (at == lowest) return NotNative("no zip archive");
  }
}

/// The entry at `at`, which then is behind it.
Result<Entry> NextEntry(std::string_view directory, size_t& at) {
  const std::string_view rest = directory.substr(at);
  if (rest.size() < kEntrySize || At<uint32_t>(rest, 0) != kEntrySignature) {
    return NotNative("a broken directory");
  }
  const size_t name = At<uint16_t>(rest, 28);
  const size_t length = kEntrySize + name + At<uint16_t>(rest, 30) + At<uint16_t>(rest, 32);
  if (length > rest.size()) return NotNative("a broken directory");
  at += length;
  constexpr uint16_t kEncrypted = 1;
  if ((At<uint16_t>(rest, 8) & kEncrypted) != 0) return NotNative("an encrypted member");
  return Entry{rest.substr(kEntrySize, name), At<uint16_t>(rest, 10), At<uint32_t>(rest, 16),
               At<uint32_t>(rest, 20),        At<uint32_t>(rest, 24), At<uint32_t>(rest, 42)};
}

/// The member's bytes as they are in the archive. The local header's own sizes may be anything:
/// writers of streams leave them out.
Result<std::string_view> Contents(std::string_view bytes, const Entry& entry) {
  if (entry.local > bytes.size() || bytes.size() - entry.local < kLocalSize) {
    return NotNative("a member outside of the archive");
  }
  const std::string_view local = bytes.substr(entry.local);
  if (At<uint32_t>(local, 0) != kLocalSignature) return NotNative("a member without its header");
  const size_t start = kLocalSize + At<uint16_t>(local, 26) + At<uint16_t>(local, 28);
  if (start > local.size() || entry.compressed > local.size() - start) {
    return NotNative("a member outside of the archive");
  }
  return local.substr(start, entry.compressed);
}

Result<std::string> Inflate(std::string_view deflated, size_t size) {
  std::string out(size, '\0');
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return Fail("no memory to inflate", ENOMEM);
  // zlib does not write to what it reads.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(deflated.data()));
  stream.avail_in = static_cast<uInt>(deflated.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(size);
  const int ended = inflate(&stream, Z_FINISH);
  const bool whole = ended == Z_STREAM_END && stream.avail_out == 0 && stream.avail_in == 0;
  inflateEnd(&stream);
  if (!whole) return NotNative("a member that does not inflate to its size");
  return out;
}

Result<NpzMember> Read(std::string_view bytes, const Entry& entry) {
  constexpr std::string_view kEnding = ".npy";
  NpzMember member;
  if (!entry.name.ends_with(kEnding)) return NotNative("a member that is no array");
  member.name = entry.name.substr(0, entry.name.size() - kEnding.size());
  BERTH_ASSIGN(const std::string_view contents, Contents(bytes, entry));
  if (entry.method == kStored) {
    if (contents.size() != entry.size) return NotNative("a member of two sizes");
    member.stored = contents;
  } else if (entry.method == kDeflated) {
    if (entry.size / kMostInflated > contents.size()) return NotNative("a member that lies");
    BERTH_ASSIGN(member.inflated, Inflate(contents, entry.size));
  } else {
    return NotNative("a compression that is not deflate");
  }
  const std::string_view npy = member.npy();
  const uLong crc = crc32_z(0, reinterpret_cast<const Bytef*>(npy.data()), npy.size());
  if (crc != entry.crc) return NotNative("a member with a wrong checksum");
  return member;
}

Result<TensorView> Member(const std::vector<NpzMember>& members, std::string_view name) {
  for (const NpzMember& each : members) {
    if (each.name == name) return DecodeNpy(each.npy());
  }
  return NotNative("a sparse matrix without one of its arrays");
}

}  // namespace

Result<std::vector<NpzMember>> DecodeNpz(std::string_view bytes, const NpzLimits& limits) {
  BERTH_ASSIGN(const Directory directory, FindDirectory(bytes));
  if (directory.count > limits.members) return Fail("too many members in the archive", E2BIG);
  const std::string_view entries = bytes.substr(directory.offset, directory.size);
  std::vector<NpzMember> members;
  uint64_t total = 0;
  size_t at = 0;
  for (uint16_t i = 0; i < directory.count; ++i) {
    BERTH_ASSIGN(const Entry entry, NextEntry(entries, at));
    // ZIP64's sizes of all ones are above any limit or outside of the archive.
    total += entry.size;
    if (total > limits.bytes) return Fail("the archive's members are too large", E2BIG);
    BERTH_ASSIGN(NpzMember member, Read(bytes, entry));
    members.push_back(std::move(member));
  }
  if (at != entries.size()) return NotNative("a directory longer than its entries");
  return members;
}

Result<SparseMatrix> SparseMatrixOf(const std::vector<NpzMember>& members) {
  SparseMatrix matrix;
  for (const NpzMember& each : members) {
    if (each.name != "format") continue;
    BERTH_ASSIGN(matrix.format, DecodeNpyText(each.npy()));
  }
  BERTH_ASSIGN(matrix.shape, Member(members, "shape"));
  BERTH_ASSIGN(matrix.data, Member(members, "data"));
  if (matrix.format == "csr" || matrix.format == "csc" || matrix.format == "bsr") {
    BERTH_ASSIGN(matrix.indices, Member(members, "indices"));
    BERTH_ASSIGN(matrix.indptr, Member(members, "indptr"));
  } else if (matrix.format == "coo") {
    BERTH_ASSIGN(matrix.row, Member(members, "row"));
    BERTH_ASSIGN(matrix.column, Member(members, "col"));
  } else if (matrix.format == "dia") {
    BERTH_ASSIGN(matrix.offsets, Member(members, "offsets"));
  } else {
    return NotNative("a sparse matrix of an unknown format");
  }
  return matrix;
}

}  // namespace berth::codec
