#include "core/secrets.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>

#include "core/json.h"
#include "core/text.h"

namespace berth {
namespace {

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
  constexpr std::array<std::string_view, 9> kTokenKinds = {"pad", "eos", "bos", "unk",    "mask",
                                                           "sep", "cls", "per", "special"};
  for (size_t i = 0; i < words.size(); ++i) {
    if (!is_secret(words[i])) continue;
    if (words[i] == "pwd" && words.size() == 1) continue;  // the shell's working directory
    if (words[i] != "token") return true;
    const bool kind = i > 0 && std::find(kTokenKinds.begin(), kTokenKinds.end(), words[i - 1]) !=
                                   kTokenKinds.end();
    const bool property = i + 1 < words.size() && words[i + 1] != "value";
    if (!kind && !property) return true;
  }
  const size_t end = !words.empty() && words.back() == "id" ? words.size() - 1 : words.size();
  if (end < 2 || words[end - 1] != "key") return false;
  constexpr std::array<std::string_view, 11> kKeyKinds = {
      "access",     "api",     "private", "secret",  "auth",  "ssh",
      "encryption", "signing", "license", "account", "master"};
  return std::find(kKeyKinds.begin(), kKeyKinds.end(), words[end - 2]) != kKeyKinds.end();
}

void Secrets::Learn(std::string_view name, std::string_view value) {
  for (size_t at = 0; (at = value.find("://", at)) != std::string_view::npos;) {
    at += 3;
    const std::string_view authority = value.substr(at, value.find_first_of("/?# \"'", at) - at);
    const size_t host = authority.rfind('@');
    const size_t password = authority.find(':');
    if (host != std::string_view::npos && password < host) {
      Remember(authority.substr(password + 1, host - password - 1));
    }
  }
  if (LooksSecret(name)) Remember(value);
}

void Secrets::Remember(std::string_view value) {
  if (value.size() < kShortest) return;
  const std::string escaped = json::Dump(json::Value(value));
  for (const std::string& form : {std::string(value), escaped.substr(1, escaped.size() - 2)}) {
    if (std::ranges::find(values_, form) == values_.end()) values_.push_back(form);
  }
  std::ranges::sort(values_, std::greater(), &std::string::size);
}

std::string Secrets::Mask(std::string_view text) const {
  std::string masked(text);
  for (const std::string& value : values_) {
    for (size_t at = 0; (at = masked.find(value, at)) != std::string::npos; at += kMasked.size()) {
      masked.replace(at, value.size(), kMasked);
    }
  }
  return masked;
}

std::string Secrets::MaskValue(std::string_view name, std::string_view value) const {
  return LooksSecret(name) ? std::string(kMasked) : Mask(value);
}

std::string Secrets::MaskCommand(const std::vector<std::string>& argv) const {
  std::vector<std::string> shown;
  bool mask_next = false;
  for (const std::string& word : argv) {
    const size_t equals = word.find('=');
    if (mask_next) {
      shown.emplace_back(kMasked);
      mask_next = false;
    } else if (equals != std::string::npos && LooksSecret(word.substr(0, equals))) {
      shown.push_back(word.substr(0, equals + 1) + std::string(kMasked));
    } else {
      shown.push_back(ShellQuoted(Mask(word)));
      mask_next = word.starts_with('-') && LooksSecret(word);
    }
  }
  return Join(shown, " ");
}

}  // namespace berth
