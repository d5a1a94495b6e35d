#include "platform/answer_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/status.hpp>

#include "core/json.h"
#include "core/text.h"

namespace berth::platform {
namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using boost::beast::string_view;

std::string Text(const json::Object& object, std::string_view key) {
  const json::Value* value = object.Find(key);
  return value != nullptr && value->AsString() != nullptr ? *value->AsString() : std::string();
}

/// What the body of an error says to people.
std::string Explanation(const std::string& body, const std::string& reason) {
  const Result<json::Value> parsed = json::Parse(body);
  if (parsed && parsed->AsObject() != nullptr) {
    const std::string error = Text(*parsed->AsObject(), "error");
    const std::string message = Text(*parsed->AsObject(), "error-message");
    if (error == reason && !message.empty()) return ToValidUtf8(message);
    if (!error.empty() && !message.empty()) return ToValidUtf8(error + ": " + message);
    if (!error.empty()) return ToValidUtf8(error);
  }
  return ToValidUtf8(Trim(body));
}

}  // namespace

class AnswerReader::Parser final : public http::basic_parser<false> {
 public:
  explicit Parser(Sink sink) : sink_(std::move(sink)) {
    eager(true);
    body_limit(boost::none);
    header_limit(64 << 10);
  }

  int status = 0;
  std::string reason;
  std::string kept;
  Result<void> sunk;

 private:
  void on_request_impl(http::verb, string_view, string_view, int, error_code&) override {}
  void on_response_impl(int code, string_view text, int, error_code&) override {
    status = code;
    reason = std::string(text);
  }
  void on_field_impl(http::field, string_view, string_view, error_code&) override {}
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const&, error_code&) override {}
  std::size_t on_body_impl(string_view bytes, error_code& error) override {
    Take(bytes, error);
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view bytes, error_code& error) override {
    Take(bytes, error);
    return bytes.size();
  }
  void on_finish_impl(error_code&) override {}

  void Take(string_view bytes, error_code& error) {
    if (status >= 400) {
      kept.append(bytes.data(), std::min(bytes.size(), kErrorText - kept.size()));
      return;
    }
    sunk = sink_({bytes.data(), bytes.size()});
    if (!sunk) error = http::error::end_of_stream;
  }

  const Sink sink_;
};

AnswerReader::AnswerReader(Sink sink) : parser_(std::make_unique<Parser>(std::move(sink))) {}
AnswerReader::~AnswerReader() = default;

Result<void> AnswerReader::Feed(std::string_view bytes) {
  pending_ += bytes;
  size_t taken = 0;
  while (taken < pending_.size() && !parser_->is_done()) {
    error_code error;
    const size_t n = parser_->put(
        boost::asio::const_buffer(pending_.data() + taken, pending_.size() - taken), error);
    taken += n;
    if (!parser_->sunk) return parser_->sunk;
    if (error == http::error::need_more || (!error && n == 0)) break;
    if (error) return Fail("the answer is not HTTP: " + error.message());
  }
  pending_.erase(0, taken);
  return {};
}

Result<void> AnswerReader::End() {
  error_code error;
  if (!parser_->got_some()) return Fail("the server closed the connection without an answer");
  if (!parser_->is_done()) parser_->put_eof(error);
  if (error) return Fail("the server closed the connection in the middle of its answer");
  return {};
}

bool AnswerReader::done() const {
  return parser_->is_done();
}

int AnswerReader::status() const {
  return parser_->status;
}

std::string AnswerReader::ErrorText() const {
  std::string text = std::to_string(parser_->status);
  if (!parser_->reason.empty()) text += " " + ToValidUtf8(parser_->reason, 80);
  const std::string why = Explanation(parser_->kept, parser_->reason);
  return why.empty() ? text : text + ": " + why;
}

}  // namespace berth::platform
