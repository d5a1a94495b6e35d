#include "ranks/error_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string_view>

#include "core/descriptor.h"
#include "core/json.h"
#include "core/text.h"
#include "ranks/message.h"

namespace berth::ranks {
namespace {

constexpr size_t kLimit = size_t{1} << 20;

/// A FIFO under that name must not hold us up.
std::optional<std::string> ReadRegular(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  std::string bytes(kLimit + 1, '\0');
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t n = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  if (size > kLimit) return std::nullopt;
  bytes.resize(size);
  return bytes;
}

const json::Value* Member(const json::Value* value, std::string_view name) {
  const json::Object* object = value != nullptr ? value->AsObject() : nullptr;
  return object != nullptr ? object->Find(name) : nullptr;
}

std::string_view Text(const json::Value* value) {
  const std::string* text = value != nullptr ? value->AsString() : nullptr;
  return text != nullptr ? Trim(*text) : std::string_view();
}

}  // namespace

std::string ReadErrorFile(const std::string& path) {
  const auto bytes = ReadRegular(path);
  if (!bytes) return "";
  const auto parsed = json::Parse(*bytes);
  if (!parsed) return "";
  const json::Value* message = Member(&*parsed, "message");
  std::string_view text = Text(Member(Member(message, "extraInfo"), "py_callstack"));
  if (text.empty()) text = Text(Member(message, "message"));
  if (text.empty()) text = Text(message);
  if (text.size() > kLongestText) {  // the exception stands at the end
    text.remove_prefix(text.size() - kLongestText);
    const size_t line = text.find('\n');
    if (line != std::string_view::npos) text.remove_prefix(line + 1);
  }
  return ToValidUtf8(text, kLongestText);
}

}  // namespace berth::ranks
