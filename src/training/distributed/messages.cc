#include "training/distributed/messages.h"

#include <charconv>
#include <limits>
#include <string_view>
#include <utility>

#include "core/text.h"

namespace berth::training {
namespace {

using json::Object;
using json::Value;

Value TextValue(const std::string& text) {
  return {ToValidUtf8(text, kTextLimit)};
}

Value EndingValue(const Ending& ending) {
  return Object{{"code", ending.code}, {"type", ending.type}, {"text", TextValue(ending.text)}};
}

Value Milliseconds(std::chrono::milliseconds time) {
  return {static_cast<long long>(time.count())};
}

long long WallClock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

/// Reads members of a message, each once; the first that is not as it should be is the error.
class Reader {
 public:
  explicit Reader(const Object& message) : message_(message) {}

  template <typename Integer = int>
  Integer Number(std::string_view key) {
    const Value* value = message_.Find(key);
    const json::Integer* integer = value != nullptr ? value->AsInteger() : nullptr;
    Integer number = 0;
    if (integer != nullptr) {
      const std::string& text = integer->digits;
      const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (bad == std::errc() && end == text.data() + text.size()) return number;
    }
    Wrong(key, "a number");
    return 0;
  }
  std::chrono::milliseconds Time(std::string_view key) {
    const int number = Number(key);
    if (number < 0) Wrong(key, "a time");
    return std::chrono::milliseconds(number);
  }
  /// With its time on the way.
  std::chrono::microseconds Age() {
    using std::chrono::microseconds;
    microseconds age(Number<long long>("age"));
    if (age < age.zero() || age > std::chrono::years(1)) {
      Wrong("age", "a time");
      age = age.zero();
    }
    const long long now = WallClock();
    const auto sent = Number<long long>("sent");
    const bool plausible = sent <= now && sent > now - microseconds(kLongestWay).count();
    return plausible ? age + microseconds(now - sent) : age;
  }
  bool Flag(std::string_view key) {
    const Value* value = message_.Find(key);
    const bool* flag = value != nullptr ? value->AsBool() : nullptr;
    if (flag == nullptr) Wrong(key, "true or false");
    return flag != nullptr && *flag;
  }
  std::string Text(std::string_view key) {
    const Value* value = message_.Find(key);
    const std::string* text = value != nullptr ? value->AsString() : nullptr;
    if (text == nullptr) Wrong(key, "a text");
    return text != nullptr ? *text : std::string();
  }
  std::vector<int> Numbers(std::string_view key) {
    const Value* value = message_.Find(key);
    const json::Array* array = value != nullptr ? value->AsArray() : nullptr;
    std::vector<int> numbers;
    if (array == nullptr) Wrong(key, "a list");
    for (const Value& item : array != nullptr ? *array : json::Array()) {
      const Object one{{"", item}};
      Reader reader(one);
      numbers.push_back(reader.Number(""));
      if (!reader.wrong_.empty()) Wrong(key, "a list of numbers");
    }
    return numbers;
  }
  Object Map(std::string_view key) {
    const Value* value = message_.Find(key);
    const Object* object = value != nullptr ? value->AsObject() : nullptr;
    if (object == nullptr) Wrong(key, "an object");
    return object != nullptr ? *object : Object();
  }
  training::Ending Ending() {
    const Object object = Map("ending");
    Reader reader(object);
    training::Ending ending{.code = reader.Number("code"), .type = {}, .text = {}};
    ending.type = reader.Text("type");
    ending.text = reader.Text("text");
    if (wrong_.empty()) wrong_ = std::move(reader.wrong_);
    return ending;
  }
  int Attempt() { return Number("attempt"); }
  Cause CauseOf() {
    const int number = Number("cause");
    if (number < 0 || number > static_cast<int>(Cause::kEnded)) Wrong("cause", "a known one");
    return wrong_.empty() ? static_cast<Cause>(number) : Cause::kOwn;
  }

  /// The value, unless something was wrong.
  template <typename Variant, typename T>
  Result<Variant> Finish(T value) {
    if (!wrong_.empty()) return Fail(std::move(wrong_));
    return Variant(std::move(value));
  }

 private:
  void Wrong(std::string_view key, std::string_view expected) {
    if (wrong_.empty()) {
      wrong_ = "its member \"" + std::string(key) + "\" is not " + std::string(expected);
    }
  }

  const Object& message_;
  std::string wrong_;
};

template <typename... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};

}  // namespace

Object Encode(const Report& report) {
  return std::visit(
      Overloaded{
          [](const HostReady& r) { return Object{{"kind", "ready"}, {"facts", r.facts}}; },
          [](const HostUnable& r) {
            return Object{{"kind", "unable"}, {"ending", EndingValue(r.ending)}};
          },
          [](const HostServing& r) {
            return Object{{"kind", "serving"}, {"attempt", r.attempt}, {"works", r.works}};
          },
          [](const RankFailed& r) {
            return Object{{"kind", "rank"},
                          {"attempt", r.attempt},
                          {"rank", r.rank},
                          {"age", static_cast<long long>(r.age.count())},
                          {"sent", WallClock()},
                          {"ending", EndingValue(r.ending)},
                          {"cause", static_cast<int>(r.cause)}};
          },
          [](const HostFinished& r) {
            return Object{{"kind", "finished"},
                          {"attempt", r.attempt},
                          {"age", static_cast<long long>(r.age.count())},
                          {"sent", WallClock()},
                          {"ending", EndingValue(r.ending)},
                          {"cause", static_cast<int>(r.cause)}};
          },
          [](const HostQuiet& r) { return Object{{"kind", "quiet"}, {"attempt", r.attempt}}; },
          [](const HostIdle& r) {
            return Object{{"kind", "idle"},
                          {"attempt", r.attempt},
                          {"done", json::Array(r.done.begin(), r.done.end())}};
          },
          [](const HostStopping& r) { return Object{{"kind", "stopping"}, {"signal", r.signal}}; },
          [](const HostStalled& r) {
            return Object{{"kind", "stalled"},
                          {"attempt", r.attempt},
                          {"alone", r.alone},
                          {"text", TextValue(r.text)}};
          },
      },
      report);
}

Object Encode(const Order& order) {
  return std::visit(Overloaded{
                        [](const StartOrder& o) {
                          std::vector<Object::Member> facts;
                          facts.reserve(o.facts.size());
                          for (const auto& [host, about] : o.facts)
                            facts.emplace_back(host, Value(about));
                          return Object{{"kind", "start"},
                                        {"attempt", o.attempt},
                                        {"facts", Object::FromMembers(std::move(facts))}};
                        },
                        [](const StopAllOrder& o) {
                          return Object{{"kind", "stop"},         {"attempt", o.attempt},
                                        {"signal", o.signal},     {"grace", Milliseconds(o.grace)},
                                        {"stacks", o.stacks},     {"serve_on", o.serve_on},
                                        {"why", TextValue(o.why)}};
                        },
                        [](const EndOrder& o) {
                          return Object{{"kind", "end"}, {"ending", EndingValue(o.ending)}};
                        },
                    },
                    order);
}

Result<Report> DecodeReport(const Object& message) {
  Reader read(message);
  const std::string kind = read.Text("kind");
  if (kind == "ready") return read.Finish<Report>(HostReady{read.Map("facts")});
  if (kind == "unable") return read.Finish<Report>(HostUnable{read.Ending()});
  if (kind == "serving") {
    return read.Finish<Report>(HostServing{read.Attempt(), read.Flag("works")});
  }
  if (kind == "rank") {
    return read.Finish<Report>(
        RankFailed{read.Attempt(), read.Number("rank"), read.Age(), read.Ending(), read.CauseOf()});
  }
  if (kind == "finished") {
    return read.Finish<Report>(
        HostFinished{read.Attempt(), read.Age(), read.Ending(), read.CauseOf()});
  }
  if (kind == "quiet") return read.Finish<Report>(HostQuiet{read.Attempt()});
  if (kind == "idle") return read.Finish<Report>(HostIdle{read.Attempt(), read.Numbers("done")});
  if (kind == "stopping") return read.Finish<Report>(HostStopping{read.Number("signal")});
  if (kind == "stalled") {
    return read.Finish<Report>(HostStalled{read.Attempt(), read.Flag("alone"), read.Text("text")});
  }
  return Fail("it is of no known kind");
}

Result<Order> DecodeOrder(const Object& message) {
  Reader read(message);
  const std::string kind = read.Text("kind");
  if (kind == "start") {
    StartOrder order{.attempt = read.Attempt(), .facts = {}};
    for (const auto& [host, about] : read.Map("facts")) {
      if (const Object* object = about.AsObject()) order.facts.emplace(host, *object);
    }
    return read.Finish<Order>(std::move(order));
  }
  if (kind == "stop") {
    return read.Finish<Order>(StopAllOrder{.attempt = read.Attempt(),
                                           .signal = read.Number("signal"),
                                           .grace = read.Time("grace"),
                                           .stacks = read.Flag("stacks"),
                                           .serve_on = read.Flag("serve_on"),
                                           .why = read.Text("why")});
  }
  if (kind == "end") return read.Finish<Order>(EndOrder{read.Ending()});
  return Fail("it is of no known kind");
}

}  // namespace berth::training
