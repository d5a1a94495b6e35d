#include "storage/exchange.h"

#include <aws/auth/credentials.h>
#include <aws/auth/signable.h>
#include <aws/auth/signing.h>
#include <aws/auth/signing_config.h>
#include <aws/auth/signing_result.h>
#include <aws/common/allocator.h>
#include <aws/common/string.h>
#include <aws/http/connection.h>
#include <aws/http/connection_manager.h>
#include <aws/http/request_response.h>
#include <aws/io/stream.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <mutex>
#include <tuple>

#include "storage/answer_checksum.h"
#include "storage/checksum.h"
#include "storage/event.h"
#include "storage/names.h"
#include "storage/s3_xml.h"

namespace berth::storage {
namespace {

using std::chrono::steady_clock;

// How long a request that was told to stop may take to let go before it is left to itself.
constexpr std::chrono::milliseconds kLetGo{400};
// No answer that is kept in memory is longer: a page of a listing has 1,000 keys of 1 KiB, each
// byte of which takes three when it is encoded.
constexpr size_t kMaxBody = size_t{8} << 20;

aws_byte_cursor Cursor(std::string_view text) {
  return aws_byte_cursor_from_array(text.data(), text.size());
}

std::string_view View(aws_byte_cursor cursor) {
  return {reinterpret_cast<const char*>(cursor.ptr), cursor.len};
}

// A request under way: what the runtime and its caller share. The runtime holds it from
// acquire_connection() to the end of the stream, the caller as long as it waits.
struct Flight {
  explicit Flight(Event when) : done(std::move(when)) {}
  Flight(const Flight&) = delete;
  Flight& operator=(const Flight&) = delete;
  ~Flight() {
    aws_http_message_release(message);
    aws_input_stream_release(input);
  }

  const Event done;
  std::shared_ptr<const std::string> body;
  std::function<bool(std::string_view, uint64_t)> sink;
  bool sums = false;  // compare the answer with its checksum
  aws_http_connection_manager* pool = nullptr;
  aws_http_message* message = aws_http_message_new_request(aws_default_allocator());
  aws_input_stream* input = nullptr;

  std::mutex mutex;  // guards what follows; held while `sink` runs
  aws_http_stream* stream = nullptr;
  aws_http_connection* connection = nullptr;
  bool abandoned = false;
  bool sink_failed = false;
  bool corrupt = false;
  AnswerChecksum checksum;
  uint64_t passed = 0;  // of the body, to `sink`
  Reply reply;
  int error = 0;
};

using Handle = std::shared_ptr<Flight>;
Flight& Of(void* user_data) {
  return **static_cast<Handle*>(user_data);
}

// The runtime's share of a flight ends.
void Land(void* user_data, int error) {
  const std::unique_ptr<Handle> handle(static_cast<Handle*>(user_data));
  {
    const std::lock_guard lock((*handle)->mutex);
    (*handle)->error = error;
  }
  (*handle)->done.Set();
}

int OnHeaders(aws_http_stream* stream, aws_http_header_block block, const aws_http_header* headers,
              size_t count, void* user_data) {
  if (block != AWS_HTTP_HEADER_BLOCK_MAIN) return AWS_OP_SUCCESS;
  Flight& flight = Of(user_data);
  const std::lock_guard lock(flight.mutex);
  aws_http_stream_get_incoming_response_status(stream, &flight.reply.status);
  for (size_t i = 0; i < count; ++i) {
    std::string name(View(headers[i].name));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    flight.reply.headers[std::move(name)] = View(headers[i].value);
  }
  return AWS_OP_SUCCESS;
}

int OnHeadersDone(aws_http_stream*, aws_http_header_block block, void* user_data) {
  if (block != AWS_HTTP_HEADER_BLOCK_MAIN) return AWS_OP_SUCCESS;
  Flight& flight = Of(user_data);
  const std::lock_guard lock(flight.mutex);
  // What comes with a range (206) may be of the whole object.
  if (flight.sums && flight.reply.status == 200) {
    flight.checksum = AnswerChecksum(flight.reply.headers);
  }
  // An answer without a body, too, takes the place of one that broke off.
  if (flight.sink && flight.reply.status < 300 && !flight.abandoned) flight.sink({}, 0);
  return AWS_OP_SUCCESS;
}

int OnBody(aws_http_stream*, const aws_byte_cursor* data, void* user_data) {
  Flight& flight = Of(user_data);
  const std::lock_guard lock(flight.mutex);
  if (flight.abandoned) return aws_raise_error(AWS_ERROR_HTTP_STREAM_CANCELLED);
  const std::string_view bytes = View(*data);
  if (flight.reply.status >= 300) {
    // Of a reason the beginning is enough.
    flight.reply.body += bytes.substr(0, kMaxBody - flight.reply.body.size());
    return AWS_OP_SUCCESS;
  }
  flight.checksum.Add(bytes);
  if (flight.sink) {
    const uint64_t at = std::exchange(flight.passed, flight.passed + bytes.size());
    if (flight.sink(bytes, at)) return AWS_OP_SUCCESS;
    flight.sink_failed = true;
    return aws_raise_error(AWS_ERROR_HTTP_STREAM_CANCELLED);
  }
  if (flight.reply.body.size() + bytes.size() > kMaxBody) {
    return aws_raise_error(AWS_ERROR_SHORT_BUFFER);
  }
  flight.reply.body += bytes;
  return AWS_OP_SUCCESS;
}

void OnComplete(aws_http_stream* stream, int error, void* user_data) {
  Flight& flight = Of(user_data);
  aws_http_connection* connection = nullptr;
  {
    const std::lock_guard lock(flight.mutex);
    flight.stream = nullptr;
    connection = std::exchange(flight.connection, nullptr);
    if (error == 0 && flight.checksum.known()) {
      flight.reply.verified = flight.checksum.Matches();
      flight.corrupt = !flight.reply.verified;
    }
  }
  aws_http_stream_release(stream);
  // First, so that whoever waits finds it free for the next request.
  aws_http_connection_manager_release_connection(flight.pool, connection);
  Land(user_data, error);
}

void OnConnection(aws_http_connection* connection, int error, void* user_data) {
  Flight& flight = Of(user_data);
  if (connection == nullptr) return Land(user_data, error);
  aws_http_stream* stream = nullptr;
  {
    const std::lock_guard lock(flight.mutex);
    error = AWS_ERROR_HTTP_STREAM_CANCELLED;
    if (!flight.abandoned) {
      aws_http_make_request_options options{};
      options.self_size = sizeof options;
      options.request = flight.message;
      options.user_data = user_data;
      options.on_response_headers = OnHeaders;
      options.on_response_header_block_done = OnHeadersDone;
      options.on_response_body = OnBody;
      options.on_complete = OnComplete;
      stream = aws_http_connection_make_request(connection, &options);
      error = aws_last_error();
    }
    if (stream != nullptr) {
      flight.stream = stream;
      flight.connection = connection;
      // Under the lock: OnComplete may come before this returns.
      if (aws_http_stream_activate(stream) == AWS_OP_SUCCESS) return;
      error = aws_last_error();
      flight.stream = nullptr;
      flight.connection = nullptr;
    }
  }
  aws_http_stream_release(stream);
  aws_http_connection_manager_release_connection(flight.pool, connection);
  Land(user_data, error);
}

std::string PathAndQuery(const Request& request, const Target& target) {
  // An empty key is the bucket: "/bucket/" is another object to some servers.
  std::string path = target.base_path;
  if (!request.key.empty() || path.empty()) path += "/" + EncodedPath(request.key);
  char separator = '?';
  for (const auto& [name, value] : request.query) {
    path += fmt::format("{}{}={}", separator, EncodedQuery(name), EncodedQuery(value));
    separator = '&';
  }
  return path;
}

void Add(aws_http_message* message, std::string_view name, std::string_view text) {
  const aws_http_header header{.name = Cursor(name),
                               .value = Cursor(text),
                               .compression = AWS_HTTP_HEADER_COMPRESSION_USE_CACHE};
  aws_http_message_add_header(message, header);
}

void Compose(Flight& flight, const Request& request, const Target& target) {
  const std::string path = PathAndQuery(request, target);
  aws_http_message_set_request_method(flight.message, Cursor(request.method));
  aws_http_message_set_request_path(flight.message, Cursor(path));
  Add(flight.message, "Host", target.host);
  Add(flight.message, "User-Agent", "berth");
  for (const auto& [name, value] : request.headers) Add(flight.message, name, value);
  flight.sums = request.operation == "GetObject";
  if (flight.sums) Add(flight.message, "x-amz-checksum-mode", "ENABLED");
  const std::string_view body = request.body ? std::string_view(*request.body) : "";
  if (request.method == "PUT" || request.method == "POST") {
    Add(flight.message, "Content-Length", std::to_string(body.size()));
  }
  if (!body.empty()) {
    const aws_byte_cursor cursor = Cursor(body);
    flight.input = aws_input_stream_new_from_cursor(aws_default_allocator(), &cursor);
    aws_http_message_set_body_stream(flight.message, flight.input);
  }
}

// 0, or the runtime's error.
int Sign(aws_http_message* message, std::string_view body_hash, const std::string& region,
         const Credentials& credentials) {
  aws_signing_config_aws config{};
  config.config_type = AWS_SIGNING_CONFIG_AWS;
  config.algorithm = AWS_SIGNING_ALGORITHM_V4;
  config.signature_type = AWS_ST_HTTP_REQUEST_HEADERS;
  config.region = Cursor(region);
  config.service = Cursor("s3");
  config.signed_body_header = AWS_SBHT_X_AMZ_CONTENT_SHA256;
  config.signed_body_value = Cursor(body_hash);
  config.credentials = credentials.value.get();
  aws_date_time_init_now(&config.date);

  struct Signing {
    aws_http_message* message;
    int error = AWS_ERROR_UNKNOWN;
  } signing{message};
  // With credentials at hand it is done when it returns.
  const auto on_signed = [](aws_signing_result* result, int error, void* user_data) {
    auto& mine = *static_cast<Signing*>(user_data);
    mine.error = error;
    if (error == 0 && result != nullptr &&
        aws_apply_signing_result_to_http_request(mine.message, aws_default_allocator(), result) !=
            AWS_OP_SUCCESS) {
      mine.error = aws_last_error();
    }
  };
  aws_signable* const signable = aws_signable_new_http_request(aws_default_allocator(), message);
  if (signable == nullptr) return aws_last_error();
  if (aws_sign_request_aws(aws_default_allocator(), signable,
                           reinterpret_cast<aws_signing_config_base*>(&config), on_signed,
                           &signing) != AWS_OP_SUCCESS) {
    signing.error = aws_last_error();
  }
  aws_signable_destroy(signable);
  return signing.error;
}

std::expected<Reply, Fault> OutcomeOf(Flight& flight, const Request& request) {
  Fault fault;
  fault.error = flight.error;
  if (flight.sink_failed) {
    fault.kind = Fault::Kind::kSink;
  } else if (flight.corrupt) {
    fault.kind = Fault::Kind::kCorrupt;
  } else if (flight.reply.status >= 300 ||
             // This one begins its answer before it knows, so as to keep the connection alive.
             (flight.error == 0 && request.operation == "CompleteMultipartUpload" &&
              !ParseErrorDocument(flight.reply.body).code.empty())) {
    fault.kind = Fault::Kind::kAnswer;
  } else if (flight.error == 0) {
    return std::move(flight.reply);
  }
  fault.reply = std::move(flight.reply);
  return std::unexpected(std::move(fault));
}

}  // namespace

const std::string& Reply::Header(std::string_view name) const {
  static const std::string none;
  const auto found = headers.find(name);
  return found != headers.end() ? found->second : none;
}

Result<std::unique_ptr<Exchanger>> Exchanger::Make(std::shared_ptr<Runtime> runtime,
                                                   const Settings& settings,
                                                   const std::string& region) {
  BERTH_ASSIGN(const Target target, TargetOf(settings, region, "bucket"));
  BERTH_ASSIGN(auto connections, Connections::Make(std::move(runtime), settings, target.tls));
  return std::unique_ptr<Exchanger>(new Exchanger(std::move(connections)));
}

std::expected<Reply, Fault> Exchanger::Run(const Request& request, const Target& target,
                                           const std::string& region,
                                           const Credentials& credentials,
                                           steady_clock::time_point deadline,
                                           const Cancellation* cancel) {
  const auto fail = [](Fault::Kind kind, int error = 0) {
    return std::unexpected(Fault{.kind = kind, .error = error, .reply = {}});
  };
  auto done = Event::Make();
  if (!done) return fail(Fault::Kind::kConnection, AWS_ERROR_MAX_FDS_EXCEEDED);
  const auto pool = connections_->To(target);
  if (!pool) return fail(Fault::Kind::kConnection, pool.error());
  const Handle flight = std::make_shared<Flight>(std::move(*done));
  flight->body = request.body;
  flight->sink = request.sink;
  flight->pool = *pool;
  Compose(*flight, request, target);

  // Without TLS the signature must cover the body, or whoever is in between may change it.
  std::string body_hash = "UNSIGNED-PAYLOAD";
  if (!target.tls) body_hash = Sha256Hex(request.body ? std::string_view(*request.body) : "");
  if (const int error = Sign(flight->message, body_hash, region, credentials); error != 0) {
    return fail(Fault::Kind::kConnection, error);
  }
  {
    const SignalsBlocked blocked;  // it may start a thread that resolves the name
    aws_http_connection_manager_acquire_connection(*pool, OnConnection, new Handle(flight));
  }

  const Woken woken = flight->done.Wait(deadline, cancel);
  if (woken != Woken::kSet) {
    {
      const std::lock_guard lock(flight->mutex);
      flight->abandoned = true;
      if (flight->stream != nullptr) {
        aws_http_stream_cancel(flight->stream, AWS_ERROR_HTTP_STREAM_CANCELLED);
      }
    }
    // It lets go at once, unless it is still connecting: then it is left to itself. Whatever it
    // still does, it does to `flight`, of which it holds a share; the sink is never called again.
    flight->done.Wait(steady_clock::now() + kLetGo, nullptr);
    return fail(woken == Woken::kCancelled ? Fault::Kind::kCancelled : Fault::Kind::kDeadline);
  }
  const std::lock_guard lock(flight->mutex);
  return OutcomeOf(*flight, request);
}

}  // namespace berth::storage
