#include "serving/http/service.h"

#include "core/json.h"
#include "core/text.h"
#include "serving/http/head.h"

namespace berth::serving::http {

std::string_view RequestHead::Find(std::string_view name) const {
  for (const Header& header : headers) {
    if (EqualIgnoringCase(header.name, name)) return header.value;
  }
  return {};
}

std::string_view Reason(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 424:
      return "Failed Dependency";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

Response ErrorResponse(unsigned status, std::string_view error, std::string_view message) {
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", "application/json");
  response.why = message;
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  response.body = json::DumpPython(json::Object{{"error", ToValidUtf8(error)},
                                                {"error-message", ToValidUtf8(message)}}) +
                  "\n";
  return response;
}

}  // namespace berth::serving::http
