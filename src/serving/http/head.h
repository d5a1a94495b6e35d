// The head of a request: found, checked and taken apart in place, without a copy.
//
// Stricter than RFC 9112 where it lets a server choose: whatever two servers in a row could read
// differently (request smuggling) is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <vector>

#include "serving/http/service.h"

namespace berth::serving::http {

/// Why a request is refused: the answer's status and sentence. The connection ends with it.
struct Fault {
  unsigned status;
  std::string_view message;  ///< a literal

  bool operator==(const Fault&) const = default;
};

/// More headers than this are 431.
inline constexpr size_t kMaxHeaders = 256;

/// Finds the end of a head that arrives in pieces. Looks at each byte once, however small they are.
class HeadScanner {
 public:
  /// `bytes` is all that has arrived of the head, from its first byte. The head's length with the
  /// blank line, 0 while that is missing, or a fault that can be told already: a line that does not
  /// end in CR LF, or bytes that cannot begin a request (a TLS handshake).
  std::expected<size_t, Fault> Find(std::string_view bytes);

  void Reset() { line_ = searched_ = 0; }

 private:
  size_t line_ = 0;      // where the present line begins
  size_t searched_ = 0;  // no line ends before this
};

enum class Framing : uint8_t { kNone, kLength, kChunked };
enum class Coding : uint8_t { kIdentity, kGzip, kDeflate };

struct ParsedHead {
  RequestHead head;  ///< all but `arrived` and `peer`
  Framing framing = Framing::kNone;
  Coding coding = Coding::kIdentity;
  uint64_t length = 0;  ///< with Framing::kLength
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
};

/// `bytes` is one whole head, as HeadScanner found it; views into it and into `headers`, which is
/// overwritten, are left in `parsed`. After a fault `parsed` has method and target if those were
/// sound.
std::optional<Fault> ParseHead(std::string_view bytes, std::vector<Header>& headers,
                               ParsedHead& parsed);

/// One line "name: value" without its CR LF.
std::expected<Header, Fault> ParseHeaderLine(std::string_view line);

/// Of a field value: no control characters but the tab.
bool IsFieldValue(std::string_view text);
/// Of a field name or method.
bool IsToken(std::string_view text);

bool EqualIgnoringCase(std::string_view a, std::string_view b);

}  // namespace berth::serving::http
