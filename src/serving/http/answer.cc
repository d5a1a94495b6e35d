#include "serving/http/answer.h"

#include <array>
#include <charconv>

#include "serving/http/head.h"

namespace berth::serving::http {
namespace {

/// Those that are the connection's to write.
bool IsOurs(std::string_view name) {
  switch (name.size()) {
    case 4:
      return EqualIgnoringCase(name, "date");
    case 10:
      return EqualIgnoringCase(name, "connection") || EqualIgnoringCase(name, "keep-alive");
    case 14:
      return EqualIgnoringCase(name, "content-length");
    case 17:
      return EqualIgnoringCase(name, "transfer-encoding");
    default:
      return false;
  }
}

void AppendNumber(std::string& to, uint64_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  to.append(digits.data(), end);
}

}  // namespace

std::string_view DateLine::At(std::time_t now) {
  if (now != made_) {
    made_ = now;
    std::tm utc{};
    gmtime_r(&now, &utc);
    // Not strftime's %a and %b: those follow the locale.
    static constexpr std::array kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::array<char, 40> rest;
    line_ = std::string("Date: ") + kDays.at(static_cast<size_t>(utc.tm_wday));
    line_.append(rest.data(), std::strftime(rest.data(), rest.size(), ", %d ", &utc));
    line_ += kMonths.at(static_cast<size_t>(utc.tm_mon));
    line_.append(rest.data(),
                 std::strftime(rest.data(), rest.size(), " %Y %H:%M:%S GMT\r\n", &utc));
  }
  return line_;
}

uint64_t BodySize(const Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) return text->size();
  if (const auto* pinned = std::get_if<PinnedBytes>(&response.body)) return pinned->bytes.size();
  return std::get<FileBytes>(response.body).size;
}

bool HasNoBody(unsigned status) {
  return status == 204 || status == 304;
}

uint64_t AnswerLength(const Response& response, bool to_head) {
  const uint64_t size = BodySize(response);
  if (!to_head || size > 0) return size;
  for (const auto& [name, value] : response.headers) {
    if (!EqualIgnoringCase(name, "content-length")) continue;
    uint64_t named = 0;
    const char* const end = value.data() + value.size();
    const auto read = std::from_chars(value.data(), end, named);
    if (read.ec == std::errc() && read.ptr == end) return named;
  }
  return size;
}

void AppendHead(std::string& to, const Response& response, uint64_t length,
                std::string_view date_line, AfterAnswer after) {
  to += "HTTP/1.1 ";
  AppendNumber(to, response.status);
  to += ' ';
  to += Reason(response.status);
  to += "\r\n";
  to += date_line;
  for (const auto& [name, value] : response.headers) {
    if (!IsToken(name) || !IsFieldValue(value) || IsOurs(name)) continue;
    to += name;
    to += ": ";
    to += value;
    to += "\r\n";
  }
  if (!HasNoBody(response.status)) {
    to += "Content-Length: ";
    AppendNumber(to, length);
    to += "\r\n";
  }
  if (after == AfterAnswer::kClose) to += "Connection: close\r\n";
  if (after == AfterAnswer::kKeep) to += "Connection: keep-alive\r\n";
  to += "\r\n";
}

}  // namespace berth::serving::http
