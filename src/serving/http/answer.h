// The head of an answer as bytes.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "serving/http/service.h"

namespace berth::serving::http {

/// "Date: Tue, 24 Nov 2026 23:43:02 GMT\r\n", made once a second.
class DateLine {
 public:
  std::string_view At(std::time_t now);

 private:
  std::time_t made_ = -1;
  std::string line_;
};

enum class AfterAnswer : uint8_t {
  kKeepSilently,  ///< HTTP/1.1's default
  kKeep,          ///< says so: HTTP/1.0
  kClose,
};

/// How many bytes the body of `response` has.
uint64_t BodySize(const Response& response);

/// Answers with these statuses have no body, whatever `response` holds (RFC 9110, 6.4.1).
bool HasNoBody(unsigned status);

/// What its Content-Length says: of an answer to HEAD without a body, the length that it names.
uint64_t AnswerLength(const Response& response, bool to_head);

/// Status line, headers as service.h promises, blank line.
void AppendHead(std::string& to, const Response& response, uint64_t length,
                std::string_view date_line, AfterAnswer after);

}  // namespace berth::serving::http
