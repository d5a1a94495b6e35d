#include "storage/exchange.h"

#include <aws/auth/credentials.h>
#include <aws/auth/signing_config.h>
#include <aws/common/allocator.h>
#include <aws/common/string.h>
#include <aws/common/uri.h>
#include <aws/http/connection.h>
#include <aws/http/request_response.h>
#include <aws/io/tls_channel_handler.h>
#include <aws/s3/s3_client.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cassert>
#include <mutex>
#include <tuple>

#include "storage/checksum.h"
#include "storage/event.h"
#include "storage/names.h"

namespace berth::storage {
namespace {

using std::chrono::steady_clock;

// How long a request that was told to stop may take to let go before it is left to itself.
constexpr std::chrono::milliseconds kLetGo{400};
// The same for a whole client at its end.
constexpr std::chrono::milliseconds kShutdown{2000};
// No answer that is kept in memory is longer: a page of a listing has 1,000 keys of 1 KiB, each
// byte of which takes three when it is encoded.
constexpr size_t kMaxBody = size_t{8} << 20;

aws_byte_cursor Cursor(std::string_view text) {
  return aws_byte_cursor_from_array(text.data(), text.size());
}

std::string_view View(aws_byte_cursor cursor) {
  return {reinterpret_cast<const char*>(cursor.ptr), cursor.len};
}

Headers ReadHeaders(const aws_http_headers* headers) {
  Headers read;
  if (headers == nullptr) return read;
  for (size_t i = 0; i < aws_http_headers_count(headers); ++i) {
    aws_http_header header;
    if (aws_http_headers_get_index(headers, i, &header) != AWS_OP_SUCCESS) continue;
    std::string name(View(header.name));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    read[std::move(name)] = View(header.value);
  }
  return read;
}

// What a request under way and its caller share. The request holds it until its shutdown callback.
struct Flight {
  explicit Flight(Event when) : done(std::move(when)) {}
  Event done;
  std::shared_ptr<const std::string> body;
  std::function<bool(std::string_view)> sink;

  std::mutex mutex;  // guards what follows; held while `sink` runs
  aws_s3_meta_request* request = nullptr;
  bool abandoned = false;
  bool sink_failed = false;
  Reply reply;
  int error = 0;
  int seen_status = 0;
  std::string seen_id;
};

using Handle = std::shared_ptr<Flight>;
Flight& Of(void* user_data) {
  return **static_cast<Handle*>(user_data);
}

int OnHeaders(aws_s3_meta_request*, const aws_http_headers* headers, int status, void* user_data) {
  Flight& flight = Of(user_data);
  const std::lock_guard lock(flight.mutex);
  flight.reply.headers = ReadHeaders(headers);
  flight.reply.status = status;
  return AWS_OP_SUCCESS;
}

int OnBody(aws_s3_meta_request*, const aws_byte_cursor* body, uint64_t, void* user_data) {
  Flight& flight = Of(user_data);
  const std::lock_guard lock(flight.mutex);
  if (flight.abandoned) return aws_raise_error(AWS_ERROR_S3_CANCELED);
  if (flight.sink) {
    if (flight.sink(View(*body))) return AWS_OP_SUCCESS;
    flight.sink_failed = true;
    return aws_raise_error(AWS_ERROR_S3_CANCELED);
  }
  if (flight.reply.body.size() + body->len > kMaxBody) {
    return aws_raise_error(AWS_ERROR_SHORT_BUFFER);
  }
  flight.reply.body += View(*body);
  return AWS_OP_SUCCESS;
}

// The only place where the runtime tells the status of an answer that it would have tried again.
void OnTelemetry(aws_s3_meta_request*, aws_s3_request_metrics* metrics, void* user_data) {
  Flight& flight = Of(user_data);
  const std::lock_guard lock(flight.mutex);
  int status = 0;
  if (aws_s3_request_metrics_get_response_status_code(metrics, &status) == AWS_OP_SUCCESS) {
    flight.seen_status = status;
  }
  const aws_string* id = nullptr;
  if (aws_s3_request_metrics_get_request_id(metrics, &id) == AWS_OP_SUCCESS && id != nullptr) {
    flight.seen_id = aws_string_c_str(id);
  }
}

// What S3 calls the errors that the runtime has a code for. It drops the answer itself.
std::string_view CodeOf(int error) {
  switch (error) {
    case AWS_ERROR_S3_INTERNAL_ERROR:
      return "InternalError";
    case AWS_ERROR_S3_SLOW_DOWN:
      return "SlowDown";
    case AWS_ERROR_S3_REQUEST_TIME_TOO_SKEWED:
      return "RequestTimeTooSkewed";
    case AWS_ERROR_S3_REQUEST_TIMEOUT:
      return "RequestTimeout";
    default:
      return {};
  }
}

void OnFinish(aws_s3_meta_request*, const aws_s3_meta_request_result* result, void* user_data) {
  Flight& flight = Of(user_data);
  aws_s3_meta_request* release = nullptr;
  {
    const std::lock_guard lock(flight.mutex);
    flight.error = result->error_code;
    flight.reply.verified = result->did_validate;
    if (result->response_status != 0) flight.reply.status = result->response_status;
    if (result->error_response_headers != nullptr) {
      flight.reply.headers = ReadHeaders(result->error_response_headers);
    }
    if (result->error_response_body != nullptr) {
      const aws_byte_cursor body = aws_byte_cursor_from_buf(result->error_response_body);
      flight.reply.body = View(body).substr(0, kMaxBody);
    }
    release = std::exchange(flight.request, nullptr);
  }
  aws_s3_meta_request_release(release);
}

void OnShutdown(void* user_data) {
  const std::unique_ptr<Handle> handle(static_cast<Handle*>(user_data));
  (*handle)->done.Set();
}

struct HttpMessage {
  aws_http_message* value = aws_http_message_new_request(aws_default_allocator());
  ~HttpMessage() { aws_http_message_release(value); }
  void Add(std::string_view name, std::string_view text) const {
    const aws_http_header header{.name = Cursor(name),
                                 .value = Cursor(text),
                                 .compression = AWS_HTTP_HEADER_COMPRESSION_USE_CACHE};
    aws_http_message_add_header(value, header);
  }
};

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

Fault FaultOf(Flight& flight) {
  Fault fault;
  fault.error = flight.error;
  fault.reply = std::move(flight.reply);
  if (flight.sink_failed) {
    fault.kind = Fault::Kind::kSink;
  } else if (flight.error == AWS_ERROR_S3_RESPONSE_CHECKSUM_MISMATCH) {
    fault.kind = Fault::Kind::kCorrupt;
  } else if (const std::string_view code = CodeOf(flight.error);
             fault.reply.status >= 300 || !code.empty() || flight.seen_status >= 300 ||
             flight.error == AWS_ERROR_S3_NON_RECOVERABLE_ASYNC_ERROR) {
    // An error may come with a status of 200, too, in the body.
    fault.kind = Fault::Kind::kAnswer;
    if (fault.reply.status == 0) fault.reply.status = flight.seen_status;
    if (fault.reply.body.empty() && !code.empty()) {
      fault.reply.body = fmt::format("<Error><Code>{}</Code></Error>", code);
    }
    if (!flight.seen_id.empty()) fault.reply.headers["x-amz-request-id"] = flight.seen_id;
  }
  return fault;
}

}  // namespace

const std::string& Reply::Header(std::string_view name) const {
  static const std::string none;
  const auto found = headers.find(name);
  return found != headers.end() ? found->second : none;
}

struct Exchanger::Client {
  std::shared_ptr<Runtime> runtime;
  aws_s3_client* s3 = nullptr;
  // Set by the client's shutdown callback, which may come after this object is gone.
  std::shared_ptr<Event> gone;
};

Exchanger::Exchanger(std::unique_ptr<Client> client) : client_(std::move(client)) {}

Exchanger::~Exchanger() {
  aws_s3_client_release(client_->s3);
  client_->gone->Wait(steady_clock::now() + kShutdown, nullptr);
}

Result<std::unique_ptr<Exchanger>> Exchanger::Make(std::shared_ptr<Runtime> runtime,
                                                   const Settings& settings,
                                                   const std::string& region) {
  const SignalsBlocked blocked;
  aws_allocator* const allocator = aws_default_allocator();
  BERTH_ASSIGN(const Target target, TargetOf(settings, region, "bucket"));
  BERTH_ASSIGN(Event gone, Event::Make());
  auto client = std::make_unique<Client>();
  client->runtime = std::move(runtime);
  client->gone = std::make_shared<Event>(std::move(gone));

  aws_tls_connection_options tls{};
  if (target.tls) {
    BERTH_ASSIGN(aws_tls_ctx * context, client->runtime->Tls());
    aws_tls_connection_options_init_from_ctx(&tls, context);
  }

  // Every request brings its own credentials; these only satisfy the constructor.
  aws_credentials* nobody = aws_credentials_new_anonymous(allocator);
  aws_signing_config_aws signing{};
  aws_s3_init_default_signing_config(&signing, Cursor(region), nullptr);
  signing.credentials = nobody;

  const aws_http_connection_monitoring_options monitoring{
      .minimum_throughput_bytes_per_second = 1,
      .allowable_throughput_failure_interval_seconds =
          static_cast<uint32_t>(std::max<int64_t>(settings.stall_limit.count(), 1)),
      .statistics_observer_fn = nullptr,
      .statistics_observer_user_data = nullptr};

  aws_s3_client_config config{};
  config.max_active_connections_override = static_cast<uint32_t>(settings.connections);
  config.region = Cursor(region);
  config.client_bootstrap = client->runtime->bootstrap();
  config.tls_mode = target.tls ? AWS_MR_TLS_ENABLED : AWS_MR_TLS_DISABLED;
  config.tls_connection_options = target.tls ? &tls : nullptr;
  config.signing_config = &signing;
  config.part_size = settings.part_size;
  config.connect_timeout_ms = static_cast<uint32_t>(settings.connect_timeout.count());
  config.monitoring_options = &monitoring;
  config.retry_config.retry_mode = AWS_S3_RETRY_MODE_NONE;
  config.num_file_io_threads = 1;
  config.shutdown_callback = [](void* event) {
    const std::unique_ptr<std::shared_ptr<Event>> gone_event(
        static_cast<std::shared_ptr<Event>*>(event));
    (*gone_event)->Set();
  };
  auto event = std::make_unique<std::shared_ptr<Event>>(client->gone);
  config.shutdown_callback_user_data = event.get();
  client->s3 = aws_s3_client_new(allocator, &config);
  const int error = aws_last_error();
  aws_credentials_release(nobody);
  if (target.tls) aws_tls_connection_options_clean_up(&tls);
  if (client->s3 == nullptr) {
    return Fail(fmt::format("cannot start the client for S3: {}", RuntimeError(error)));
  }
  std::ignore = event.release();  // the shutdown callback deletes it
  return std::unique_ptr<Exchanger>(new Exchanger(std::move(client)));
}

std::expected<Reply, Fault> Exchanger::Run(const Request& request, const Target& target,
                                           const std::string& region,
                                           const Credentials& credentials,
                                           steady_clock::time_point deadline,
                                           const Cancellation* cancel) {
  aws_allocator* const allocator = aws_default_allocator();
  const auto fail = [](Fault::Kind kind, int error = 0) {
    return std::unexpected(Fault{.kind = kind, .error = error, .reply = {}});
  };
  auto done = Event::Make();
  if (!done) return fail(Fault::Kind::kConnection, AWS_ERROR_MAX_FDS_EXCEEDED);
  const Handle flight = std::make_shared<Flight>(std::move(*done));
  flight->body = request.body;
  flight->sink = request.sink;

  const HttpMessage message;
  const std::string path = PathAndQuery(request, target);
  aws_http_message_set_request_method(message.value, Cursor(request.method));
  aws_http_message_set_request_path(message.value, Cursor(path));
  message.Add("Host", target.host);
  for (const auto& [name, value] : request.headers) message.Add(name, value);
  const std::string_view body = request.body ? std::string_view(*request.body) : "";
  if (request.method == "PUT" || request.method == "POST") {
    message.Add("Content-Length", std::to_string(body.size()));
  }

  // Without TLS the signature must cover the body, or whoever is in between may change it.
  std::string body_hash = "UNSIGNED-PAYLOAD";
  if (!target.tls) body_hash = Sha256Hex(body);
  aws_signing_config_aws signing{};
  aws_s3_init_default_signing_config(&signing, Cursor(region), nullptr);
  signing.credentials = credentials.value.get();
  signing.signed_body_value = Cursor(body_hash);

  const std::string address = fmt::format("{}://{}", target.tls ? "https" : "http", target.host);
  aws_uri endpoint;
  const aws_byte_cursor address_cursor = Cursor(address);
  if (aws_uri_init_parse(&endpoint, allocator, &address_cursor) != AWS_OP_SUCCESS) {
    return fail(Fault::Kind::kConnection, aws_last_error());
  }
  aws_s3_checksum_config checksums{};
  checksums.validate_response_checksum = true;

  aws_s3_meta_request_options options{};
  options.type = AWS_S3_META_REQUEST_TYPE_DEFAULT;
  options.operation_name = Cursor(request.operation);
  options.signing_config = &signing;
  options.message = message.value;
  options.request_body = Cursor(body);
  options.checksum_config = request.operation == "GetObject" ? &checksums : nullptr;
  options.endpoint = &endpoint;
  options.headers_callback = OnHeaders;
  options.body_callback = OnBody;
  options.telemetry_callback = OnTelemetry;
  options.finish_callback = OnFinish;
  options.shutdown_callback = OnShutdown;
  auto handle = std::make_unique<Handle>(flight);
  options.user_data = handle.get();
  {
    const SignalsBlocked blocked;
    const std::lock_guard lock(flight->mutex);
    flight->request = aws_s3_client_make_meta_request(client_->s3, &options);
    if (flight->request != nullptr) std::ignore = handle.release();  // OnShutdown deletes it
  }
  aws_uri_clean_up(&endpoint);
  if (handle) return fail(Fault::Kind::kConnection, aws_last_error());

  const Woken woken = flight->done.Wait(deadline, cancel);
  if (woken != Woken::kSet) {
    {
      const std::lock_guard lock(flight->mutex);
      flight->abandoned = true;
      if (flight->request != nullptr) aws_s3_meta_request_cancel(flight->request);
    }
    // It lets go at once, unless it is still connecting: then it is left to itself. Whatever it
    // still does, it does to `flight`, of which it holds a share; the sink is never called again.
    flight->done.Wait(steady_clock::now() + kLetGo, nullptr);
    return fail(woken == Woken::kCancelled ? Fault::Kind::kCancelled : Fault::Kind::kDeadline);
  }
  const std::lock_guard lock(flight->mutex);
  if (flight->error != 0) return std::unexpected(FaultOf(*flight));
  return std::move(flight->reply);
}

}  // namespace berth::storage
