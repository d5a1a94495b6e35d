#include "ranks/message.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <initializer_list>
#include <limits>
#include <optional>

#include "core/text.h"

namespace berth::ranks {
namespace {

constexpr std::string_view kHello = "hello";
constexpr std::string_view kStarted = "started";
constexpr std::string_view kEnded = "ended";
constexpr std::string_view kRun = "run";
constexpr std::string_view kRefused = "refused";

void Append(std::string& bytes, std::string_view text) {
  // What came from a file of the user's may hold anything.
  for (const char c : text) bytes += c == '\0' ? ' ' : c;
  bytes += '\0';
}

std::string Texts(std::initializer_list<std::string_view> texts) {
  std::string bytes;
  for (const std::string_view text : texts) Append(bytes, text);
  return bytes;
}

/// Takes one text after the other from their front.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::optional<std::string_view> Text() {
    const size_t end = rest_.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }

  /// An integer of 0 … `most`, nothing else before or behind it.
  std::optional<int> Number(int most) {
    const auto text = Text();
    if (!text) return std::nullopt;
    int value = -1;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
    if (value < 0 || value > most) return std::nullopt;
    return value;
  }

  /// So many texts follow as the next one says.
  bool Texts(std::vector<std::string>* texts) {
    const auto count = Number(std::numeric_limits<int>::max());
    if (!count) return false;
    for (int i = 0; i < *count; ++i) {
      const auto text = Text();
      if (!text) return false;
      texts->emplace_back(*text);
    }
    return true;
  }

  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

constexpr int kMostNumber = std::numeric_limits<int>::max();
constexpr int kMostSignal = 64;

std::unexpected<Error> Bad(std::string_view kind) {
  return Fail(fmt::format("a message \"{}\" that cannot be read", kind));
}

struct Encoder {
  std::string operator()(const Hello& hello) const {
    return Texts({kHello, std::to_string(hello.rank), std::to_string(hello.local_rank),
                  std::to_string(hello.world)});
  }
  std::string operator()(const Started& started) const {
    return Texts({kStarted, std::to_string(started.pid)});
  }
  std::string operator()(const Ended& ended) const {
    return Texts({kEnded, std::to_string(ended.exit_code), std::to_string(ended.signal),
                  ended.out_of_memory ? "1" : "0", ToValidUtf8(ended.reported, kLongestText),
                  ToValidUtf8(ended.start_error, kLongestText),
                  ToValidUtf8(ended.forsaken_by, kLongestText)});
  }
};

}  // namespace

std::string Encode(const RankMessage& message) {
  return std::visit(Encoder{}, message);
}

Result<RankMessage> ParseMessage(std::string_view packet) {
  Reader reader(packet);
  const std::string_view kind = reader.Text().value_or("");
  if (kind == kHello) {
    const auto rank = reader.Number(kMostNumber);
    const auto local_rank = reader.Number(kMostNumber);
    const auto world = reader.Number(kMostNumber);
    if (!rank || !local_rank || !world || !reader.done()) return Bad(kind);
    return Hello{*rank, *local_rank, *world};
  }
  if (kind == kStarted) {
    const auto pid = reader.Number(kMostNumber);
    // 0 and 1 would make a signal to its group one to our own, or to all there is.
    if (!pid || *pid <= 1 || !reader.done()) return Bad(kind);
    return Started{*pid};
  }
  if (kind == kEnded) {
    const auto exit_code = reader.Number(255);
    const auto signal = reader.Number(kMostSignal);
    const auto out_of_memory = reader.Number(1);
    const auto reported = reader.Text();
    const auto start_error = reader.Text();
    const auto forsaken_by = reader.Text();
    if (!exit_code || !signal || !out_of_memory || !forsaken_by || !reader.done()) return Bad(kind);
    return Ended{.exit_code = *exit_code,
                 .signal = *signal,
                 .out_of_memory = *out_of_memory == 1,
                 .reported = std::string(*reported),
                 .start_error = std::string(*start_error),
                 .forsaken_by = std::string(*forsaken_by)};
  }
  return Fail("bytes that are no message");
}

std::string EncodeRun() {
  return Texts({kRun});
}

std::string EncodeRefusal(std::string_view why) {
  return Texts({kRefused, why});
}

Result<void> CheckAnswer(std::string_view packet) {
  Reader reader(packet);
  const std::string_view kind = reader.Text().value_or("");
  if (kind == kRun && reader.done()) return {};
  if (kind == kRefused) return Fail(std::string(reader.Text().value_or("")));
  return Fail("it answered with bytes that are no message");
}

std::string Encode(const RankProgram& program) {
  std::string bytes;
  const auto list = [&](const std::vector<std::string>& texts) {
    Append(bytes, std::to_string(texts.size()));
    for (const std::string& text : texts) Append(bytes, text);
  };
  list(program.argv);
  Append(bytes, program.directory);
  std::vector<std::string> variables;
  variables.reserve(program.variables.size() * 2);
  for (const auto& [name, value] : program.variables) {
    variables.push_back(name);
    variables.push_back(value);
  }
  list(variables);
  list(program.kept);
  Append(bytes, program.overlay ? "1" : "0");
  return bytes;
}

Result<RankProgram> ParseProgram(std::string_view bytes) {
  const auto bad = [] { return Fail("a program that cannot be read"); };
  Reader reader(bytes);
  RankProgram program;
  if (!reader.Texts(&program.argv) || program.argv.empty()) return bad();
  const auto directory = reader.Text();
  if (!directory) return bad();
  program.directory = *directory;
  std::vector<std::string> variables;
  if (!reader.Texts(&variables) || variables.size() % 2 != 0) return bad();
  for (size_t i = 0; i < variables.size(); i += 2) {
    program.variables.emplace(std::move(variables[i]), std::move(variables[i + 1]));
  }
  if (!reader.Texts(&program.kept)) return bad();
  const auto overlay = reader.Number(1);
  if (!overlay || !reader.done()) return bad();
  program.overlay = *overlay == 1;
  return program;
}

}  // namespace berth::ranks
