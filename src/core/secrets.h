// Secrets are never logged: how they are known, and how they are kept out of what is printed.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

/// True where a variable, option or hyperparameter of this name probably holds a secret: its
/// words, split at `_`, `-`, `.` and case changes, name a key, token, password, credential …
/// "AWS_SECRET_ACCESS_KEY", "apiToken", "db-password" are; "monkey", "tokenizer", "max_tokens",
/// "key_dim" are not.
bool LooksSecret(std::string_view name);

/// What is printed in place of a secret value.
inline constexpr std::string_view kMasked = "******";

/// The secrets of one job, and the masking of text in which they may occur.
class Secrets {
 public:
  /// Shorter values are not looked for in text: too much else is equal to them.
  static constexpr size_t kShortest = 4;

  /// Remembers `value` where `name` looks secret, and in any case the password of a URL in it
  /// ("postgres://user:password@host/").
  void Learn(std::string_view name, std::string_view value);

  /// `text` with every learned value, as it is or as JSON would write it, turned into kMasked.
  std::string Mask(std::string_view text) const;

  /// kMasked where `name` looks secret, else Mask(value).
  std::string MaskValue(std::string_view name, std::string_view value) const;

  /// The command as a line for people, quoted as for a shell. Besides what Mask() does, the value
  /// behind an option or variable whose name looks secret is masked: `--api_key ******`,
  /// `TOKEN=******`.
  std::string MaskCommand(const std::vector<std::string>& argv) const;

 private:
  void Remember(std::string_view value);

  std::vector<std::string> values_;  // longest first: one may hold another
};

}  // namespace berth
