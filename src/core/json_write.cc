// The writers: what json.dumps() prints, and one for people.
#include <cmath>
#include <utility>

#include "core/json.h"
#include "core/wtf8.h"

namespace berth::json {
namespace {

void AppendEscape(std::string& out, unsigned unit) {
  constexpr char kHex[] = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out += kHex[(unit >> shift) & 15];
}

struct Style {
  std::string_view comma;
  std::string_view colon;
  bool sorted = false;
  bool ascii = true;
  /// NaN and the infinities as Python names them; else null.
  bool python_floats = true;
  bool indented = false;
};

class Writer {
 public:
  explicit Writer(const Style& style) : style_(style) {}

  void Write(const Value& value) {
    if (value.IsNull()) {
      out_ += "null";
    } else if (const bool* boolean = value.AsBool()) {
      out_ += *boolean ? "true" : "false";
    } else if (const Integer* integer = value.AsInteger()) {
      out_ += integer->digits;
    } else if (const double* number = value.AsFloat()) {
      WriteFloat(*number);
    } else if (const std::string* text = value.AsString()) {
      WriteString(*text);
    } else if (const Array* array = value.AsArray()) {
      WriteArray(*array);
    } else {
      WriteObject(*value.AsObject());
    }
  }

  std::string Take() { return std::move(out_); }

 private:
  void WriteFloat(double number) {
    if (std::isfinite(number)) {
      out_ += FloatRepr(number);
    } else if (!style_.python_floats) {
      out_ += "null";
    } else if (std::isnan(number)) {
      out_ += "NaN";
    } else {
      out_ += number < 0 ? "-Infinity" : "Infinity";
    }
  }

  void WriteString(std::string_view text) {
    out_ += '"';
    for (size_t at = 0; at < text.size();) {
      const size_t start = at;
      const unsigned code = NextWtf8(text, at);
      switch (code) {
        case '"':
          out_ += "\\\"";
          break;
        case '\\':
          out_ += "\\\\";
          break;
        case '\b':
          out_ += "\\b";
          break;
        case '\f':
          out_ += "\\f";
          break;
        case '\n':
          out_ += "\\n";
          break;
        case '\r':
          out_ += "\\r";
          break;
        case '\t':
          out_ += "\\t";
          break;
        default:
          if (code < 0x20 || IsSurrogate(code) ||
              (style_.ascii && code >= 0x7F && code <= 0xFFFF)) {
            AppendEscape(out_, code);
          } else if (style_.ascii && code > 0xFFFF) {
            AppendEscape(out_, 0xD800 + ((code - 0x10000) >> 10));
            AppendEscape(out_, 0xDC00 + ((code - 0x10000) & 0x3FF));
          } else {
            out_ += text.substr(start, at - start);
          }
      }
    }
    out_ += '"';
  }

  void NewLine() {
    if (!style_.indented) return;
    out_ += '\n';
    out_.append(2 * depth_, ' ');
  }

  void WriteArray(const Array& array) {
    out_ += '[';
    ++depth_;
    for (size_t i = 0; i < array.size(); ++i) {
      if (i > 0) out_ += style_.comma;
      NewLine();
      Write(array[i]);
    }
    --depth_;
    if (!array.empty()) NewLine();
    out_ += ']';
  }

  void WriteMember(const Object::Member& member, bool first) {
    if (!first) out_ += style_.comma;
    NewLine();
    WriteString(member.first);
    out_ += style_.colon;
    Write(member.second);
  }

  void WriteObject(const Object& object) {
    out_ += '{';
    ++depth_;
    bool first = true;
    if (style_.sorted) {
      for (const Object::Member* member : object.Sorted()) {
        WriteMember(*member, std::exchange(first, false));
      }
    } else {
      for (const Object::Member& member : object) WriteMember(member, std::exchange(first, false));
    }
    --depth_;
    if (!first) NewLine();
    out_ += '}';
  }

  Style style_;
  std::string out_;
  size_t depth_ = 0;
};

std::string WriteIn(const Style& style, const Value& value) {
  Writer writer(style);
  writer.Write(value);
  return writer.Take();
}

}  // namespace

std::string Dump(const Value& value) {
  return WriteIn({.comma = ",", .colon = ":", .sorted = true}, value);
}

std::string DumpPython(const Value& value) {
  return WriteIn({.comma = ", ", .colon = ": "}, value);
}

std::string DumpPretty(const Value& value) {
  return WriteIn(
      {.comma = ",", .colon = ": ", .ascii = false, .python_floats = false, .indented = true},
      value);
}

}  // namespace berth::json
