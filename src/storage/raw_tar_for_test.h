// Tar archives made by hand for tests: also such as no honest program writes.
#pragma once

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "storage/archive.h"

namespace berth::storage::testing {

struct RawEntry {
  std::string name;
  char type = '0';  // ustar's: 0 file, 1 hard link, 2 symbolic link, 3 device, 5 folder, 6 FIFO
  std::string link_target = {};
  unsigned mode = 0644;
  std::string content = {};
  long long modified = 1'700'000'000;
};

inline std::string Padded(std::string bytes) {
  bytes.resize((bytes.size() + 511) / 512 * 512);
  return bytes;
}

/// One ustar header and its content. Names are cut at 100 bytes.
inline std::string RawTar(const RawEntry& entry) {
  std::string header(512, '\0');
  const auto put = [&header](size_t at, std::string_view text) {
    std::copy(text.begin(), text.end(), header.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put(0, std::string_view(entry.name).substr(0, 100));
  put(100, fmt::format("{:07o}", entry.mode));
  put(108, "0000000");
  put(116, "0000000");
  put(124, fmt::format("{:011o}", entry.content.size()));
  put(136, fmt::format("{:011o}", entry.modified));
  put(148, "        ");
  put(156, std::string_view(&entry.type, 1));
  put(157, std::string_view(entry.link_target).substr(0, 100));
  put(257, std::string_view("ustar\0" "00", 8));
  put(329, "0000000");
  put(337, "0000000");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  return header + Padded(entry.content);
}

/// A pax header for the entry behind it.
inline std::string PaxHeader(std::string_view key, std::string_view value) {
  const size_t rest = key.size() + value.size() + 3;  // ' ', '=', '\n'
  size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) ++length;
  return RawTar({.name = "pax", .type = 'x', .content = fmt::format("{} {}={}\n", length, key, value)});
}

inline std::string TarEnd() { return std::string(1024, '\0'); }

inline std::string Gzip(std::string_view bytes) {
  z_stream zlib{};
  deflateInit2(&zlib, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&zlib, bytes.size()), '\0');
  zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  zlib.avail_in = static_cast<uInt>(bytes.size());
  zlib.next_out = reinterpret_cast<Bytef*>(packed.data());
  zlib.avail_out = static_cast<uInt>(packed.size());
  deflate(&zlib, Z_FINISH);
  packed.resize(zlib.total_out);
  deflateEnd(&zlib);
  return packed;
}

/// `bytes` in pieces of at most `step`, as a network hands them out.
inline ByteSource FromText(std::string bytes, size_t step = 1000) {
  return [bytes = std::move(bytes), at = size_t{0}, step](std::span<char> buffer) mutable
         -> Result<size_t> {
    const size_t n = std::min({step, buffer.size(), bytes.size() - at});
    std::memcpy(buffer.data(), bytes.data() + at, n);
    at += n;
    return n;
  };
}

}  // namespace berth::storage::testing
