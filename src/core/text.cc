#include "core/text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <numeric>

namespace berth {
namespace {

bool IsShellSafe(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) ||
         std::string_view("_-./:=,@%+").find(c) != std::string_view::npos;
}

/// Length of the well-formed UTF-8 sequence at the start of `text`; 0 where there is none.
size_t Utf8Length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  size_t length = 0;
  unsigned low = 0x80, high = 0xBF;  // bounds of the second byte (Unicode, table 3-7)
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  }
  if (length == 0 || text.size() < length || byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  return length;
}

/// Optimal string alignment distance.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before, above(b.size() + 1), row(b.size() + 1);
  std::iota(above.begin(), above.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    before = above;
    above = row;
  }
  return above[b.size()];
}

/// "AWS_SecretKey" -> {"aws", "secret", "key"}.
std::vector<std::string> Words(std::string_view name) {
  std::vector<std::string> words(1);
  char previous = '\0';
  for (const char c : name) {
    const auto u = static_cast<unsigned char>(c);
    const bool starts_word = std::isupper(u) && std::islower(static_cast<unsigned char>(previous));
    if ((starts_word || !std::isalnum(u)) && !words.back().empty()) words.emplace_back();
    if (std::isalnum(u)) words.back() += static_cast<char>(std::tolower(u));
    previous = c;
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

}  // namespace

std::string Join(std::span<const std::string> parts, std::string_view separator) {
  std::string joined;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) joined += separator;
    joined += parts[i];
  }
  return joined;
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string ShellQuoted(std::string_view word) {
  if (!word.empty() && std::all_of(word.begin(), word.end(), IsShellSafe)) return std::string(word);
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

std::string ShellQuoted(std::span<const std::string> words) {
  std::string line;
  for (const std::string& word : words) {
    if (!line.empty()) line += ' ';
    line += ShellQuoted(word);
  }
  return line;
}

std::optional<size_t> FirstInvalidUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = Utf8Length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

std::string ToValidUtf8(std::string_view text, size_t max_bytes) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string valid;
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    const std::string_view next = length > 0 ? text.substr(0, length) : kReplacement;
    if (valid.size() + next.size() > max_bytes) break;
    valid += next;
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return valid;
}

std::string Quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : ToValidUtf8(text)) {
    const auto u = static_cast<unsigned char>(c);
    if (u < 0x20 || u == 0x7F) {
      quoted += {'\\', 'x', kHex[u >> 4], kHex[u & 0xF]};
    } else {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + '"';
}

std::optional<std::string> Nearest(std::string_view word,
                                   std::span<const std::string> candidates) {
  std::optional<std::string> nearest;
  size_t best = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = EditDistance(word, candidate);
    if (distance < best && distance < candidate.size()) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

bool LooksSecret(std::string_view name) {
  constexpr std::array<std::string_view, 13> kSecretWords = {
      "secret",     "secrets",     "password", "passwords", "passwd",        "passphrase", "pwd",
      "credential", "credentials", "token",    "apikey",    "authorization", "pat"};
  const std::vector<std::string> words = Words(name);
  const auto is_secret = [&](const std::string& word) {
    return std::find(kSecretWords.begin(), kSecretWords.end(), word) != kSecretWords.end();
  };
  // "key" is too common in models (key_dim, num_keys): it counts only at the end, behind a word.
  // Tokens too are what language models read: a number or kind of token is no secret.
  constexpr std::array<std::string_view, 9> kTokenKinds = {"pad", "eos", "bos", "unk", "mask",
                                                           "sep", "cls", "per", "special"};
  for (size_t i = 0; i < words.size(); ++i) {
    if (!is_secret(words[i])) continue;
    if (words[i] != "token") return true;
    const bool kind = i > 0 && std::find(kTokenKinds.begin(), kTokenKinds.end(), words[i - 1]) !=
                                   kTokenKinds.end();
    const bool property = i + 1 < words.size() && words[i + 1] != "value";
    if (!kind && !property) return true;
  }
  if (words.size() < 2 || words.back() != "key") return false;
  constexpr std::array<std::string_view, 11> kKeyKinds = {"access", "api",  "private", "secret",
                                                          "auth",   "ssh",  "encryption", "signing",
                                                          "license", "account", "master"};
  return std::find(kKeyKinds.begin(), kKeyKinds.end(), words[words.size() - 2]) != kKeyKinds.end();
}

}  // namespace berth
