// JSON as Python's json module reads and writes it, with nothing lost in between.
//
// SageMaker's contract is Python's: scripts compare SM_* values with what json.dumps() printed.
// So numbers keep their text (integers have any size), NaN, Infinity and -Infinity are values,
// a repeated key's last value wins in the place of the first, and "\ud800" alone is a string.
// A string holds UTF-8, in which a lone surrogate is three bytes as UTF-8 would write it (WTF-8);
// byte order of two strings is then the order Python sorts them in.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/error.h"

namespace berth::json {

class Value;

struct Null {
  bool operator==(const Null&) const = default;
};

/// An integer of any size. `digits` is normal: an optional '-', no leading zeros, "0" not "-0".
struct Integer {
  std::string digits;
  bool operator==(const Integer&) const = default;
};

using Array = std::vector<Value>;

/// Members in the order of their first appearance; keys are unique.
class Object {
 public:
  using Member = std::pair<std::string, Value>;

  Object();
  Object(std::initializer_list<Member> members);
  /// Of equal keys the first keeps its place and gets the value of the last. In n log n, where
  /// Set()ting one after the other looks each up among all before it.
  static Object FromMembers(std::vector<Member> members);

  const Value* Find(std::string_view key) const;
  Value* Find(std::string_view key);
  bool Contains(std::string_view key) const { return Find(key) != nullptr; }
  /// Adds the member, or gives an existing one a new value in its old place.
  void Set(std::string key, Value value);
  void Erase(std::string_view key);

  size_t size() const;
  bool empty() const;
  std::vector<Member>::const_iterator begin() const;
  std::vector<Member>::const_iterator end() const;
  /// The members sorted by key, as Python's sorted() sorts them. Pointers into this object.
  std::vector<const Member*> Sorted() const;

  bool operator==(const Object&) const;

 private:
  std::vector<Member> members_;
};

class Value {
 public:
  Value() : data_(Null{}) {}
  Value(Null) : data_(Null{}) {}
  Value(bool value) : data_(value) {}
  Value(int value) : Value(static_cast<long long>(value)) {}
  Value(long value) : Value(static_cast<long long>(value)) {}
  Value(long long value);
  Value(Integer value) : data_(std::move(value)) {}
  Value(double value) : data_(value) {}
  Value(const char* value) : data_(std::string(value)) {}
  Value(std::string_view value) : data_(std::string(value)) {}
  Value(std::string value) : data_(std::move(value)) {}
  Value(Array value) : data_(std::move(value)) {}
  Value(Object value) : data_(std::move(value)) {}

  bool IsNull() const { return std::holds_alternative<Null>(data_); }
  /// The value if it is of that type, else nullptr.
  const bool* AsBool() const { return std::get_if<bool>(&data_); }
  const Integer* AsInteger() const { return std::get_if<Integer>(&data_); }
  const double* AsFloat() const { return std::get_if<double>(&data_); }
  const std::string* AsString() const { return std::get_if<std::string>(&data_); }
  const Array* AsArray() const { return std::get_if<Array>(&data_); }
  const Object* AsObject() const { return std::get_if<Object>(&data_); }
  Array* AsArray() { return std::get_if<Array>(&data_); }
  Object* AsObject() { return std::get_if<Object>(&data_); }

  /// "null", "a boolean", "an integer", "a number", "a string", "an array", "an object": for
  /// messages that say what was found.
  std::string_view TypeName() const;

  /// Equal type and value; 1 and 1.0 differ, NaN equals NaN.
  bool operator==(const Value&) const;

 private:
  std::variant<Null, bool, Integer, double, std::string, Array, Object> data_;
};

/// Deeper nesting than this is an error, not a crash. Python's own recursion limit, where its
/// json module gives up, is a thousand calls.
inline constexpr int kMaxDepth = 1000;

/// Integers with more digits are an error, as in Python (sys.get_int_max_str_digits()).
inline constexpr size_t kMaxIntegerDigits = 4300;

/// Parses one JSON text. The error says line, column, what was expected and what was found, without
/// naming a file. Text that is not UTF-8 is an error; a byte-order mark is one too, by name.
[[nodiscard]] Result<Value> Parse(std::string_view text);

/// The same for a text that was itself a JSON string, and so may hold lone surrogates.
[[nodiscard]] Result<Value> ParseDecoded(std::string_view text);

/// json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).
std::string Dump(const Value& value);

/// json.dumps(value) with its default separators (", ", ": "), members in their own order.
std::string DumpPython(const Value& value);

/// For people and files: two-space indent, members in their own order, non-ASCII as it is (a lone
/// surrogate as \uXXXX), and only what every JSON reader accepts (a NaN is null).
std::string DumpPretty(const Value& value);

/// What Python's repr(float) prints: "0.1", "1e-07", "1e+16", "nan", "inf".
std::string FloatRepr(double value);

}  // namespace berth::json
