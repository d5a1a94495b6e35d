// Small questions about text.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

std::string Join(std::span<const std::string> parts, std::string_view separator);
std::vector<std::string> Split(std::string_view text, char separator);

/// Without the leading and trailing spaces, tabs, carriage returns and newlines.
std::string_view Trim(std::string_view text);

/// As a POSIX shell reads it back: as it is where that is safe, else in single quotes. For logs
/// and for `eval`; never to build a command that we run.
std::string ShellQuoted(std::string_view word);

/// ShellQuoted() words with spaces between.
std::string ShellQuoted(std::span<const std::string> words);

/// Offset of the first byte that is not part of well-formed UTF-8 (surrogates and overlong forms
/// are not); nothing where all of it is.
std::optional<size_t> FirstInvalidUtf8(std::string_view text);

/// Well-formed UTF-8 with each bad byte turned into U+FFFD, at most `max_bytes` long and never cut
/// inside a character.
std::string ToValidUtf8(std::string_view text, size_t max_bytes = std::string_view::npos);

/// In double quotes, for a message: a stranger's control characters and bad UTF-8 must not paint
/// the terminal. `"` and `\` are escaped.
std::string Quoted(std::string_view text);

/// The candidate nearest to a mistyped word (edit distance, swapped neighbours count as one), if
/// one is near enough to be worth asking "did you mean".
std::optional<std::string> Nearest(std::string_view word, std::span<const std::string> candidates);

/// True where a variable, option or hyperparameter of this name probably holds a secret: its
/// words, split at `_`, `-`, `.` and case changes, name a key, token, password, credential …
/// "AWS_SECRET_ACCESS_KEY", "apiToken", "db-password" are; "monkey", "tokenizer", "max_tokens",
/// "key_dim" are not.
bool LooksSecret(std::string_view name);

/// What is printed in place of a secret value.
inline constexpr std::string_view kMasked = "******";

}  // namespace berth
