#include "contract/python_text.h"

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "core/wtf8.h"

namespace berth::contract {
namespace {

struct CodeRange {
  uint32_t first, last;
};
/// Every `step`-th code of first..last has its capital at code + delta.
struct UpperRun {
  uint32_t first, last;
  uint32_t step;
  int32_t delta;
};
struct UpperSeveral {
  uint32_t code;
  uint32_t upper[3];  // ends at a 0
};

#include "contract/unicode_tables.inc"

bool IsPrintable(unsigned code) {
  if (code < 0x80) return code >= 0x20 && code != 0x7F;
  const auto* range = std::lower_bound(std::begin(kUnprintable), std::end(kUnprintable), code,
                                       [](const CodeRange& r, unsigned c) { return r.last < c; });
  return range == std::end(kUnprintable) || code < range->first;
}

void AppendUpper(std::string& text, unsigned code) {
  const auto* run = std::lower_bound(std::begin(kUpper), std::end(kUpper), code,
                                     [](const UpperRun& r, unsigned c) { return r.last < c; });
  if (run != std::end(kUpper) && code >= run->first && (code - run->first) % run->step == 0) {
    AppendWtf8(text, static_cast<unsigned>(static_cast<int32_t>(code) + run->delta));
    return;
  }
  const auto* several =
      std::lower_bound(std::begin(kUpperSeveral), std::end(kUpperSeveral), code,
                       [](const UpperSeveral& s, unsigned c) { return s.code < c; });
  if (several != std::end(kUpperSeveral) && several->code == code) {
    for (const uint32_t upper : several->upper) {
      if (upper != 0) AppendWtf8(text, upper);
    }
    return;
  }
  AppendWtf8(text, code);
}

void AppendHex(std::string& out, unsigned code) {
  constexpr char kHex[] = "0123456789abcdef";
  const int digits = code <= 0xFF ? 2 : code <= 0xFFFF ? 4 : 8;
  out += digits == 2 ? "\\x" : digits == 4 ? "\\u" : "\\U";
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out += kHex[(code >> shift) & 15];
}

void AppendRepr(std::string& out, std::string_view text) {
  const bool single =
      text.find('\'') == std::string_view::npos || text.find('"') != std::string_view::npos;
  const char quote = single ? '\'' : '"';
  out += quote;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const unsigned code = NextWtf8(text, at);
    if (code == static_cast<unsigned char>(quote) || code == '\\') {
      out += '\\';
      out += static_cast<char>(code);
    } else if (code == '\n') {
      out += "\\n";
    } else if (code == '\r') {
      out += "\\r";
    } else if (code == '\t') {
      out += "\\t";
    } else if (IsPrintable(code)) {
      out += text.substr(start, at - start);
    } else {
      AppendHex(out, code);
    }
  }
  out += quote;
}

void AppendRepr(std::string& out, const json::Value& value) {
  if (value.IsNull()) {
    out += "None";
  } else if (const bool* boolean = value.AsBool()) {
    out += *boolean ? "True" : "False";
  } else if (const json::Integer* integer = value.AsInteger()) {
    out += integer->digits;
  } else if (const double* number = value.AsFloat()) {
    out += json::FloatRepr(*number);
  } else if (const std::string* text = value.AsString()) {
    AppendRepr(out, std::string_view(*text));
  } else if (const json::Array* array = value.AsArray()) {
    out += '[';
    for (size_t i = 0; i < array->size(); ++i) {
      if (i > 0) out += ", ";
      AppendRepr(out, (*array)[i]);
    }
    out += ']';
  } else {
    out += '{';
    bool first = true;
    for (const json::Object::Member& member : *value.AsObject()) {
      if (!first) out += ", ";
      first = false;
      AppendRepr(out, std::string_view(member.first));
      out += ": ";
      AppendRepr(out, member.second);
    }
    out += '}';
  }
}

}  // namespace

std::string PythonRepr(const json::Value& value) {
  std::string out;
  AppendRepr(out, value);
  return out;
}

std::string PythonStr(const json::Value& value) {
  if (const std::string* text = value.AsString()) return *text;
  return PythonRepr(value);
}

std::string PythonUpper(std::string_view text) {
  std::string upper;
  upper.reserve(text.size());
  for (size_t at = 0; at < text.size();) AppendUpper(upper, NextWtf8(text, at));
  return upper;
}

bool PythonBool(const json::Value& value) {
  if (const bool* boolean = value.AsBool()) return *boolean;
  if (const json::Integer* integer = value.AsInteger()) return integer->digits != "0";
  if (const double* number = value.AsFloat()) return *number != 0;
  if (const std::string* text = value.AsString()) return !text->empty();
  if (const json::Array* array = value.AsArray()) return !array->empty();
  if (const json::Object* object = value.AsObject()) return !object->empty();
  return false;
}

std::string PythonJoin(std::string_view folder, std::string_view name) {
  if (name.starts_with('/')) return std::string(name);
  std::string path(folder);
  if (!path.empty() && !path.ends_with('/')) path += '/';
  return path.append(name);
}

}  // namespace berth::contract
