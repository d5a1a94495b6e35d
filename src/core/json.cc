// Our own, because no library we know keeps lone surrogates, an integer's digits and NaN at once
// and writes floats as Python's repr does; and each of them is visible in an SM_* variable.
#include "core/json.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>

#include "core/float_text.h"

namespace berth::json {

Object::Object() = default;
Object::Object(std::initializer_list<Member> members) {
  for (const Member& member : members) Set(member.first, member.second);
}

Object Object::FromMembers(std::vector<Member> members) {
  // Sorted by key and place: of each run of equal keys the first keeps its place and gets the
  // last one's value.
  std::vector<size_t> order(members.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const int difference = members[a].first.compare(members[b].first);
    return difference != 0 ? difference < 0 : a < b;
  });
  std::vector<bool> repeated(members.size(), false);
  bool any = false;
  for (size_t at = 0; at < order.size();) {
    size_t end = at + 1;
    while (end < order.size() && members[order[end]].first == members[order[at]].first) {
      repeated[order[end]] = any = true;
      ++end;
    }
    if (end - at > 1) members[order[at]].second = std::move(members[order[end - 1]].second);
    at = end;
  }
  Object object;
  if (any) {
    for (size_t i = 0; i < members.size(); ++i) {
      if (!repeated[i]) object.members_.push_back(std::move(members[i]));
    }
  } else {
    object.members_ = std::move(members);
  }
  return object;
}

const Value* Object::Find(std::string_view key) const {
  for (const Member& member : members_) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

Value* Object::Find(std::string_view key) {
  return const_cast<Value*>(std::as_const(*this).Find(key));
}

void Object::Set(std::string key, Value value) {
  if (Value* existing = Find(key)) {
    *existing = std::move(value);
  } else {
    members_.emplace_back(std::move(key), std::move(value));
  }
}

void Object::Erase(std::string_view key) {
  std::erase_if(members_, [&](const Member& member) { return member.first == key; });
}

size_t Object::size() const {
  return members_.size();
}
bool Object::empty() const {
  return members_.empty();
}
std::vector<Object::Member>::const_iterator Object::begin() const {
  return members_.begin();
}
std::vector<Object::Member>::const_iterator Object::end() const {
  return members_.end();
}

std::vector<const Object::Member*> Object::Sorted() const {
  std::vector<const Member*> sorted;
  sorted.reserve(members_.size());
  for (const Member& member : members_) sorted.push_back(&member);
  std::sort(sorted.begin(), sorted.end(),
            [](const Member* a, const Member* b) { return a->first < b->first; });
  return sorted;
}

bool Object::operator==(const Object& other) const {
  return members_ == other.members_;
}

Value::Value(long long value) : data_(Integer{std::to_string(value)}) {}

std::string_view Value::TypeName() const {
  constexpr std::string_view kNames[] = {"null",     "a boolean", "an integer", "a number",
                                         "a string", "an array",  "an object"};
  return kNames[data_.index()];
}

bool Value::operator==(const Value& other) const {
  const double* number = AsFloat();
  const double* other_number = other.AsFloat();
  if (number != nullptr && other_number != nullptr) {
    if (std::isnan(*number)) return std::isnan(*other_number);
    return *number == *other_number && std::signbit(*number) == std::signbit(*other_number);
  }
  return data_ == other.data_;
}

std::string FloatRepr(double value) {
  char text[kFloatTextSize];
  return {text, WriteFloatRepr(text, value)};
}

}  // namespace berth::json
