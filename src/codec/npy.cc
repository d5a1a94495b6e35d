#include "codec/npy.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

namespace berth::codec {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
/// numpy.load()'s own limit.
constexpr size_t kMaxHeader = 10'000;

struct TypeName {
  DType type;
  std::string_view name;
};
/// Without their byte order.
constexpr TypeName kTypes[] = {
    {DType::kBool, "b1"},    {DType::kInt8, "i1"},    {DType::kUInt8, "u1"},
    {DType::kInt16, "i2"},   {DType::kUInt16, "u2"},  {DType::kInt32, "i4"},
    {DType::kUInt32, "u4"},  {DType::kInt64, "i8"},   {DType::kUInt64, "u8"},
    {DType::kFloat16, "f2"}, {DType::kFloat32, "f4"}, {DType::kFloat64, "f8"},
};

/// The dictionary of three members, as Python's repr() writes it.
class DictParser {
 public:
  explicit DictParser(std::string_view text) : text_(text) {}

  bool Parse() {
    if (!Take('{')) return false;
    while (!Take('}')) {
      const auto key = String();
      if (!key || !Take(':')) return false;
      if (*key == "descr") {
        auto value = String();
        if (!value || descr) return false;
        descr = value;
      } else if (*key == "fortran_order") {
        auto value = Boolean();
        if (!value || fortran) return false;
        fortran = value;
      } else if (*key == "shape") {
        if (has_shape || !Shape()) return false;
        has_shape = true;
      } else {
        return false;
      }
      if (!Take(',') && !Looking('}')) return false;
    }
    SkipSpace();
    return at_ == text_.size() && descr && fortran && has_shape;
  }

  std::optional<std::string_view> descr;
  std::optional<bool> fortran;
  bool has_shape = false;
  std::array<int64_t, kMaxDimensions> shape{};
  size_t dimensions = 0;

 private:
  void SkipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }

  bool Looking(char c) {
    SkipSpace();
    return at_ < text_.size() && text_[at_] == c;
  }

  bool Take(char c) {
    if (!Looking(c)) return false;
    ++at_;
    return true;
  }

  std::optional<std::string_view> String() {
    if (!Looking('\'') && !Looking('"')) return std::nullopt;
    const size_t end = text_.find(text_[at_], at_ + 1);
    if (end == text_.npos) return std::nullopt;
    const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
    if (value.find('\\') != value.npos) return std::nullopt;
    at_ = end + 1;
    return value;
  }

  std::optional<bool> Boolean() {
    SkipSpace();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    return std::nullopt;
  }

  bool Shape() {
    if (!Take('(')) return false;
    while (!Take(')')) {
      SkipSpace();
      const char* start = text_.data() + at_;
      int64_t length = 0;
      const auto read = std::from_chars(start, text_.data() + text_.size(), length);
      if (read.ec != std::errc() || length < 0 || dimensions == kMaxDimensions) return false;
      // Python takes no leading zeros and prints no "-0".
      if (read.ptr - start > 1 && (*start == '0' || *start == '-')) return false;
      at_ += static_cast<size_t>(read.ptr - start);
      shape[dimensions++] = length;
      const bool comma = Take(',');
      // (3) is no tuple.
      if (!comma && (!Looking(')') || dimensions == 1)) return false;
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

struct RawHeader {
  DictParser dict;
  size_t offset;
};

Result<RawHeader> ParseHeader(std::string_view bytes) {
  if (bytes.size() < 10 || !bytes.starts_with(kMagic)) return NotNative("no NPY file");
  const char major = bytes[6];
  if (major < 1 || major > 3 || bytes[7] != 0) return NotNative("a version nobody knows");
  size_t start = 10;
  size_t length = 0;
  if (major == 1) {
    uint16_t size = 0;
    std::memcpy(&size, bytes.data() + 8, sizeof size);
    length = size;
  } else {
    start = 12;
    uint32_t size = 0;
    if (bytes.size() < start) return NotNative("a header without its end");
    std::memcpy(&size, bytes.data() + 8, sizeof size);
    length = size;
  }
  if (length > kMaxHeader || length > bytes.size() - start) return NotNative("no whole header");
  RawHeader header{DictParser(bytes.substr(start, length)), start + length};
  if (!header.dict.Parse()) {
    // A list of fields may name objects: numpy.load() without pickles refuses that by itself.
    return NotNative("a header that is not plain");
  }
  return header;
}

std::optional<DType> TypeOf(std::string_view descr) {
  if (!descr.empty() && std::string_view("<|=").contains(descr[0])) descr.remove_prefix(1);
  for (const TypeName& each : kTypes) {
    if (each.name == descr) return each.type;
  }
  return std::nullopt;
}

std::string_view NameOf(DType type) {
  for (const TypeName& each : kTypes) {
    if (each.type == type) return each.name;
  }
  return "V0";
}

/// Elements in both orders are said to be in C's.
bool IsFortranOnly(const TensorInfo& info) {
  int longer = 0;
  for (size_t i = 0; i < info.dimensions; ++i) {
    if (info.shape[i] == 0) return false;
    if (info.shape[i] != 1) ++longer;
  }
  return info.fortran && longer > 1;
}

}  // namespace

Result<NpyHeader> DecodeNpyHeader(std::string_view bytes) {
  BERTH_ASSIGN(const RawHeader raw, ParseHeader(bytes));
  const std::string_view descr = *raw.dict.descr;
  if (descr == "|O" || descr == "O" || descr == "object") {
    return Fail("the array holds pickled Python objects, which could run any code when loaded",
                EPERM);
  }
  const auto type = TypeOf(descr);
  if (!type) return NotNative("a type that is not plain");
  NpyHeader header;
  header.offset = raw.offset;
  header.info.dtype = *type;
  header.info.dimensions = static_cast<uint8_t>(raw.dict.dimensions);
  header.info.fortran = *raw.dict.fortran;
  header.info.shape = raw.dict.shape;
  if (!BytesOf(header.info)) return NotNative("an array larger than any memory");
  return header;
}

Result<TensorView> DecodeNpy(std::string_view bytes) {
  BERTH_ASSIGN(const NpyHeader header, DecodeNpyHeader(bytes));
  BERTH_ASSIGN(const uint64_t size, BytesOf(header.info));
  if (size > bytes.size() - header.offset) return NotNative("fewer elements than its header says");
  return TensorView{header.info, bytes.data() + header.offset};
}

std::string EncodeNpyHeader(const TensorInfo& info) {
  constexpr size_t kAlignment = 64;
  /// NumPy leaves room for the length of the axis that grows.
  constexpr size_t kLengthDigits = 21;
  const bool fortran = IsFortranOnly(info);
  std::string dict = "{'descr': '";
  dict += SizeOf(info.dtype) > 1 ? '<' : '|';
  dict += NameOf(info.dtype);
  dict += "', 'fortran_order': ";
  dict += fortran ? "True" : "False";
  dict += ", 'shape': (";
  for (size_t i = 0; i < info.dimensions; ++i) {
    if (i > 0) dict += ", ";
    dict += std::to_string(info.shape[i]);
  }
  dict += info.dimensions == 1 ? ",), }" : "), }";
  if (info.dimensions > 0) {
    const int64_t growing = info.shape[fortran ? info.dimensions - 1U : 0U];
    dict.append(kLengthDigits - std::to_string(growing).size(), ' ');
  }
  // Magic, version and length are ten bytes; at most eight lengths never need version 2.
  const size_t padding = kAlignment - (10 + dict.size() + 1) % kAlignment;
  dict.append(padding, ' ');
  dict += '\n';
  const auto length = static_cast<uint16_t>(dict.size());
  std::string header(kMagic);
  header += '\1';
  header += '\0';
  header.append(reinterpret_cast<const char*>(&length), sizeof length);
  return header + dict;
}

Result<std::string> DecodeNpyText(std::string_view bytes) {
  BERTH_ASSIGN(const RawHeader raw, ParseHeader(bytes));
  std::string_view descr = *raw.dict.descr;
  if (raw.dict.dimensions != 0) return NotNative("more than one text");
  size_t width = 0;
  if (descr.starts_with("|S") || descr.starts_with("<S")) width = 1;
  if (descr.starts_with("<U")) width = 4;
  size_t length = 0;
  const char* digits = descr.data() + 2;
  if (width == 0 ||
      std::from_chars(digits, descr.data() + descr.size(), length).ptr != descr.end()) {
    return NotNative("no text");
  }
  if (length > (bytes.size() - raw.offset) / width) return NotNative("a text without its end");
  std::string text;
  for (size_t i = 0; i < length; ++i) {
    uint32_t code = 0;
    std::memcpy(&code, bytes.data() + raw.offset + i * width, width);
    if (code > 127) return NotNative("a text beyond ASCII");
    text += static_cast<char>(code);
  }
  text.resize(text.find_last_not_of('\0') + 1);
  return text;
}

}  // namespace berth::codec
