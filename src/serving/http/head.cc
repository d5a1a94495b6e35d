#include "serving/http/head.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace berth::serving::http {
namespace {

constexpr Fault kBareLineEnd{400, "a line of the request's head does not end in CR LF"};
constexpr Fault kRequestLine{400, "the request line is not of the form METHOD TARGET HTTP/1.1"};
constexpr Fault kTransferEncoding{400, "Transfer-Encoding is not chunked alone and at the end"};

// RFC 9110, 5.6.2.
constexpr std::array<bool, 256> kTokenCharacters = [] {
  std::array<bool, 256> table{};
  for (unsigned c = '0'; c <= '9'; ++c) table[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~"))
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

// Bytes from 0x80 pass: Latin-1 and UTF-8 stand there in practice.
constexpr std::array<bool, 256> kValueCharacters = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0x20; c < 256; ++c) table[c] = c != 0x7F;
  table['\t'] = true;
  return table;
}();

constexpr bool Is(const std::array<bool, 256>& table, char c) {
  return table[static_cast<unsigned char>(c)];
}

constexpr char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

std::string_view TrimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Calls `use` with each member of a comma-separated list.
template <typename Use>
void ForEachMember(std::string_view list, const Use& use) {
  while (true) {
    const size_t comma = list.find(',');
    const std::string_view member = TrimBlanks(list.substr(0, comma));
    if (!member.empty()) use(member);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

std::optional<Fault> ParseTarget(std::string_view target, RequestHead& head) {
  for (const char c : target) {
    if (!Is(kValueCharacters, c) || c == ' ' || c == '\t') return kRequestLine;
  }
  std::string_view rest = target;
  if (rest.empty()) return kRequestLine;
  if (rest.front() != '/' && rest != "*") {
    // The absolute form, which every server must take (RFC 9112, 3.2.2).
    const size_t scheme = rest.find("://");
    if (scheme == std::string_view::npos || !IsToken(rest.substr(0, scheme))) {
      return Fault{400, "the request's target is neither a path nor a URL"};
    }
    rest.remove_prefix(scheme + 3);
    rest.remove_prefix(std::min(rest.find_first_of("/?"), rest.size()));
  }
  const size_t question = rest.find('?');
  head.target = target;
  head.path = rest.substr(0, question);
  if (head.path.empty()) head.path = "/";
  head.query = question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
  return std::nullopt;
}

std::optional<Fault> ParseRequestLine(std::string_view line, ParsedHead& parsed) {
  const size_t first = line.find(' ');
  if (first == std::string_view::npos || !IsToken(line.substr(0, first))) return kRequestLine;
  const size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return kRequestLine;
  const std::string_view version = line.substr(second + 1);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.size() != 8 || !version.starts_with("HTTP/") || !digit(version[5]) ||
      version[6] != '.' || !digit(version[7])) {
    return kRequestLine;
  }
  if (const auto fault = ParseTarget(line.substr(first + 1, second - first - 1), parsed.head)) {
    return fault;
  }
  parsed.head.method = line.substr(0, first);
  if (version[5] != '1') return Fault{505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  parsed.http_1_0 = version[7] == '0';
  return std::nullopt;
}

/// What the headers that concern the connection say, gathered over all lines.
struct Facts {
  unsigned hosts = 0;
  unsigned lengths = 0;
  unsigned encodings = 0;  // content codings, "identity" not counted
  unsigned transfer_headers = 0;
  unsigned chunked = 0;
  unsigned other_codings = 0;
  bool chunked_is_last = false;
  bool close = false;
  bool keep_alive = false;
};

std::optional<Fault> ParseLength(std::string_view value, uint64_t& length) {
  const auto [at, error] = std::from_chars(value.data(), value.data() + value.size(), length);
  // from_chars takes no '+' and, for unsigned, no '-'.
  if (value.empty() || error != std::errc() || at != value.data() + value.size()) {
    return Fault{400, "Content-Length is not one number of bytes"};
  }
  return std::nullopt;
}

std::optional<Fault> Learn(const Header& header, Facts& facts, ParsedHead& parsed) {
  const std::string_view name = header.name;
  // Few headers concern us: their lengths tell all others apart without a comparison.
  switch (name.size()) {
    case 4:
      if (EqualIgnoringCase(name, "host")) ++facts.hosts;
      break;
    case 6:
      if (EqualIgnoringCase(name, "expect")) {
        if (!EqualIgnoringCase(header.value, "100-continue")) {
          return Fault{417, "the only expectation that can be met is 100-continue"};
        }
        parsed.expects_continue = true;
      }
      break;
    case 10:
      if (EqualIgnoringCase(name, "connection")) {
        ForEachMember(header.value, [&](std::string_view option) {
          facts.close |= EqualIgnoringCase(option, "close");
          facts.keep_alive |= EqualIgnoringCase(option, "keep-alive");
        });
      }
      break;
    case 14:
      if (EqualIgnoringCase(name, "content-length")) {
        ++facts.lengths;
        return ParseLength(header.value, parsed.length);
      }
      break;
    case 16:
      if (EqualIgnoringCase(name, "content-encoding")) {
        std::optional<Fault> fault;
        ForEachMember(header.value, [&](std::string_view coding) {
          if (EqualIgnoringCase(coding, "identity")) return;
          ++facts.encodings;
          if (EqualIgnoringCase(coding, "gzip") || EqualIgnoringCase(coding, "x-gzip")) {
            parsed.coding = Coding::kGzip;
          } else if (EqualIgnoringCase(coding, "deflate")) {
            parsed.coding = Coding::kDeflate;
          } else {
            fault = Fault{415, "Content-Encoding is none of gzip, deflate and identity"};
          }
        });
        return fault;
      }
      break;
    case 17:
      if (EqualIgnoringCase(name, "transfer-encoding")) {
        ++facts.transfer_headers;
        ForEachMember(header.value, [&](std::string_view coding) {
          facts.chunked_is_last = EqualIgnoringCase(coding, "chunked");
          ++(facts.chunked_is_last ? facts.chunked : facts.other_codings);
        });
      }
      break;
    default:
      break;
  }
  return std::nullopt;
}

std::optional<Fault> Settle(const Facts& facts, ParsedHead& parsed) {
  if (facts.hosts > 1) return Fault{400, "there is more than one Host"};
  if (facts.hosts == 0 && !parsed.http_1_0) return Fault{400, "there is no Host"};
  // Equal duplicates too: a server in front may have counted another of them.
  if (facts.lengths > 1) return Fault{400, "there is more than one Content-Length"};
  if (facts.transfer_headers > 0) {
    if (facts.lengths > 0) return Fault{400, "there are both Content-Length and Transfer-Encoding"};
    if (parsed.http_1_0) return Fault{400, "HTTP/1.0 has no Transfer-Encoding"};
    if (!facts.chunked_is_last || facts.chunked != 1) return kTransferEncoding;
    if (facts.other_codings > 0) {
      return Fault{501, "the only Transfer-Encoding understood is chunked"};
    }
    parsed.framing = Framing::kChunked;
  } else if (facts.lengths > 0) {
    parsed.framing = Framing::kLength;
    parsed.head.content_length = parsed.length;
  } else {
    parsed.head.content_length = 0;
    const std::string_view method = parsed.head.method;
    parsed.head.lacks_length = method == "POST" || method == "PUT" || method == "PATCH";
  }
  if (facts.encodings > 1) return Fault{415, "more than one Content-Encoding is not understood"};
  parsed.head.compressed = facts.encodings == 1;
  parsed.keep_alive = !facts.close && (!parsed.http_1_0 || facts.keep_alive);
  // RFC 9110, 10.1.1: such a client does not know it.
  if (parsed.http_1_0 || parsed.framing == Framing::kNone) parsed.expects_continue = false;
  return std::nullopt;
}

}  // namespace

bool IsToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return Is(kTokenCharacters, c); });
}

bool IsFieldValue(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return Is(kValueCharacters, c); });
}

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return Lower(x) == Lower(y); });
}

std::expected<size_t, Fault> HeadScanner::Find(std::string_view bytes) {
  if (!bytes.empty() && !Is(kTokenCharacters, bytes.front()) && bytes.front() != '\r') {
    return std::unexpected(kRequestLine);
  }
  while (true) {
    const size_t end = bytes.find('\n', searched_);
    if (end == std::string_view::npos) {
      searched_ = bytes.size();
      return 0;
    }
    if (end == line_ || bytes[end - 1] != '\r') return std::unexpected(kBareLineEnd);
    const bool blank = end == line_ + 1;
    line_ = searched_ = end + 1;
    if (blank) return line_;
  }
}

std::expected<Header, Fault> ParseHeaderLine(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') {
    return std::unexpected(Fault{400, "a header is folded over more than one line"});
  }
  size_t colon = 0;
  while (colon < line.size() && Is(kTokenCharacters, line[colon])) ++colon;
  // A blank before the colon ends up here too.
  if (colon == 0 || colon == line.size() || line[colon] != ':') {
    return std::unexpected(Fault{400, "a header is not of the form Name: value"});
  }
  const std::string_view value = TrimBlanks(line.substr(colon + 1));
  if (!IsFieldValue(value)) {
    return std::unexpected(Fault{400, "a header's value holds a control character"});
  }
  return Header{.name = line.substr(0, colon), .value = value};
}

std::optional<Fault> ParseHead(std::string_view bytes, std::vector<Header>& headers,
                               ParsedHead& parsed) {
  headers.clear();
  parsed = ParsedHead();
  Facts facts;
  size_t begin = bytes.find('\n') + 1;
  if (auto fault = ParseRequestLine(bytes.substr(0, begin - 2), parsed)) return fault;
  while (true) {
    const size_t end = bytes.find('\n', begin) + 1;
    const std::string_view line = bytes.substr(begin, end - 2 - begin);
    if (line.empty()) break;
    begin = end;
    const auto header = ParseHeaderLine(line);
    if (!header) return header.error();
    if (headers.size() == kMaxHeaders) return Fault{431, "there are more than 256 headers"};
    headers.push_back(*header);
    if (auto fault = Learn(*header, facts, parsed)) return fault;
  }
  parsed.head.headers = headers;
  return Settle(facts, parsed);
}

}  // namespace berth::serving::http
