#include "serving/invocation.h"

#include <strings.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <random>
#include <utility>

#include "codec/csv_decode.h"
#include "codec/csv_encode.h"
#include "codec/json_decode.h"
#include "codec/json_encode.h"
#include "codec/npy.h"
#include "codec/recordio.h"
#include "core/log.h"

namespace berth::serving {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

/// Decoding or encoding so many bytes takes the loop less time than another thread's start.
constexpr size_t kInLoop = size_t{32} << 10;
/// Answers up to this many bytes are copied, so that their slot is free at once.
constexpr size_t kCopied = size_t{4} << 10;

/// As media_type() of the worker's content_types.py.
std::string MediaTypeOf(std::string_view content_type) {
  if (content_type.empty()) return "application/json";
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ') || content_type.ends_with('\t')) content_type.remove_suffix(1);
  std::string type(content_type);
  std::ranges::transform(type, type.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return type;
}

/// Also the spelling without '-', which old clients have.
std::string_view ContentTypeOf(const http::RequestHead& head) {
  const std::string_view type = head.Find("content-type");
  return type.empty() ? head.Find("contenttype") : type;
}

void AddString(std::string& blob, std::string_view text) {
  blob.append(text);
  blob.push_back('\0');
}

std::string HeaderBlob(const http::RequestHead& head) {
  std::string blob;
  blob.reserve(512);
  AddString(blob, head.method);
  AddString(blob, head.target);
  AddString(blob, ContentTypeOf(head));
  AddString(blob, head.Find("accept"));
  for (const http::Header& header : head.headers) {
    AddString(blob, header.name);
    AddString(blob, header.value);
  }
  return blob;
}

/// The rows of dense records; labels are no part of what is asked.
Result<codec::TensorInfo> DecodeRecords(std::string_view bytes, std::span<char> room) {
  BERTH_ASSIGN(const codec::RecordIoBatch batch, codec::DecodeRecordIo(bytes));
  if (batch.sparse) return Fail("sparse records", ENOTSUP);
  if (batch.values.size() > room.size()) return Fail("the rows do not fit", ENOSPC);
  std::ranges::copy(batch.values, room.begin());
  codec::TensorInfo info;
  info.dtype = batch.dtype;
  info.dimensions = 2;
  info.shape[0] = batch.rows;
  info.shape[1] = batch.columns;
  return info;
}

/// The tensor that `text` is, in `room`. ENOTSUP where the worker shall have the text.
Result<codec::TensorInfo> DecodeInto(std::string_view media_type, std::string_view text,
                                     std::span<char> room) {
  const codec::Allocate allocate = [room](const codec::TensorInfo&, uint64_t bytes) {
    return bytes <= room.size() ? room.data() : nullptr;
  };
  if (media_type == "application/json") return codec::DecodeJson(text, allocate);
  if (media_type == "application/jsonlines") return codec::DecodeJsonLines(text, allocate);
  if (media_type == "text/csv") return codec::DecodeCsv(text, allocate);
  if (media_type == "application/x-npy") {
    BERTH_ASSIGN(const codec::TensorView view, codec::DecodeNpy(text));
    BERTH_ASSIGN(const uint64_t bytes, codec::BytesOf(view.info));
    if (bytes > room.size()) return Fail("the array does not fit", ENOSPC);
    std::memmove(room.data(), view.data, bytes);
    return view.info;
  }
  if (media_type == "application/x-recordio-protobuf") return DecodeRecords(text, room);
  return Fail("not a type that is decoded here", ENOTSUP);
}

Result<std::string> EncodeAs(transport::Encoding encoding, const codec::TensorView& tensor,
                             NumPyText style) {
  std::string text;
  switch (encoding) {
    case transport::Encoding::kJson:
      BERTH_TRY(codec::EncodeJson(tensor, text));
      break;
    case transport::Encoding::kCsv:
      BERTH_TRY(codec::EncodeCsv(tensor, style, text));
      break;
    case transport::Encoding::kNpy: {
      BERTH_ASSIGN(const uint64_t bytes, codec::BytesOf(tensor.info));
      text = codec::EncodeNpyHeader(tensor.info);
      text.append(tensor.data, bytes);
      break;
    }
  }
  return text;
}

/// Only to tell requests apart: this server's random half, and one that no other request here has.
std::string MadeId() {
  static std::random_device device;
  static const uint64_t server = uint64_t{device()} << 32 | device();
  static uint64_t count = uint64_t{device()} << 32 | device();
  // SplitMix64: one to one, so that none comes twice, and without a pattern for the eye.
  uint64_t mixed = count += 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  mixed ^= mixed >> 31;
  std::string id(32, '0');
  for (size_t i = 0; i < 16; ++i) {
    const size_t shift = 60 - 4 * i;
    id[i] = "0123456789abcdef"[(server >> shift) & 0xf];
    id[16 + i] = "0123456789abcdef"[(mixed >> shift) & 0xf];
  }
  return id;
}

int64_t MonotonicNs(steady_clock::time_point time) {
  return std::chrono::duration_cast<nanoseconds>(time.time_since_epoch()).count();
}

}  // namespace

std::string RequestIdOf(const http::RequestHead& head) {
  const std::string_view given = head.Find("x-amzn-sagemaker-inference-id");
  const bool plain = std::ranges::all_of(given, [](char c) { return c > ' ' && c < 0x7f; });
  if (!given.empty() && given.size() <= transport::kMaxRequestId && plain) {
    return std::string(given);
  }
  return MadeId();
}

/// Shared with a codec thread. What the thread writes, the loop reads after it was posted back.
struct Invocation::Work {
  Invocation* owner = nullptr;  // loop only; nullptr: it has gone
  transport::SlotLease slot;
  std::unique_ptr<char[]> text;
  size_t size = 0;
  std::string media_type;
  transport::Answer answer;
  NumPyText style = NumPyText::kUntil22;
  Result<codec::TensorInfo> decoded = Fail("not decoded");
  Result<std::string> encoded = Fail("not encoded");
  nanoseconds took{};
};

Invocation::Invocation(InvocationContext& context, const http::RequestHead& head)
    : context_(context),
      arrived_(head.arrived),
      id_(RequestIdOf(head)),
      media_type_(MediaTypeOf(ContentTypeOf(head))),
      headers_(HeaderBlob(head)) {
  if (!context.tell_peer || head.peer.empty()) return;
  // No header can be called that.
  AddString(headers_, ":peer");
  AddString(headers_, head.peer);
}

Invocation::~Invocation() {
  if (work_) work_->owner = nullptr;
  if (job_ != nullptr) context_.pool.Abandon(job_);
}

bool IsDecodedHere(const InvocationContext& context, const http::RequestHead& head) {
  const auto& types = context.pool.native_decode();
  return std::ranges::find(types, MediaTypeOf(ContentTypeOf(head))) != types.end();
}

bool Invocation::WantsDecoding() const {
  const auto& types = context_.pool.native_decode();
  return std::ranges::find(types, media_type_) != types.end();
}

bool Invocation::TakeSlot(uint64_t length) {
  const bool small = length <= transport::Arena::small_body() &&
                     headers_.size() <= transport::kSmallBody - transport::kHeaderBlob;
  auto slot = small ? context_.arena.TakeSmall() : context_.arena.TakeLarge(length);
  if (!slot) return false;
  slot_ = *std::move(slot);
  return true;
}

std::span<char> Invocation::Place(uint64_t length) {
  // Where there is no slot, Run() says so: the body is received, and dropped.
  if (!TakeSlot(length)) return {};
  if (!WantsDecoding()) return slot_.body().first(length);
  text_ = std::make_unique_for_overwrite<char[]>(length);
  return {text_.get(), length};
}

void Invocation::Run(std::span<const char> body, Done done) {
  done_ = std::move(done);
  if (!slot_ && !TakeSlot(body.size())) {
    Respond(503, "ServiceUnavailable", "there is no memory for another large request: try again");
    return;
  }
  if (WantsDecoding()) {
    Decode(body);
    return;
  }
  if (body.data() != slot_.body().data() && !body.empty()) {
    std::memcpy(slot_.body().data(), body.data(), body.size());
  }
  slot_.request().body_length = body.size();
  Submit();
}

bool Invocation::waiting() const {
  return job_ != nullptr && context_.pool.Waits(*job_);
}

void Invocation::Decode(std::span<const char> body) {
  const auto finish = [](Invocation& self, const Result<codec::TensorInfo>& decoded,
                         std::string_view text, nanoseconds took) {
    transport::RequestDescriptor& request = self.slot_.request();
    if (decoded) {
      self.context_.metrics.decode.Add(took);
      request.kind = static_cast<uint32_t>(transport::RequestKind::kTensor);
      request.body_length = codec::BytesOf(*decoded).value_or(0);
      request.dtype = static_cast<uint8_t>(decoded->dtype);
      request.dimensions = decoded->dimensions;
      request.fortran = decoded->fortran ? 1 : 0;
      std::ranges::copy(decoded->shape, request.shape);
    } else {
      // The worker decodes it as the reference does, or finds the reference's error.
      if (!text.empty()) std::memcpy(self.slot_.body().data(), text.data(), text.size());
      request.body_length = text.size();
    }
    self.Submit();
  };
  if (body.size() <= kInLoop) {
    const auto began = steady_clock::now();
    const std::string_view text(body.data(), body.size());
    const auto decoded = DecodeInto(media_type_, text, slot_.body());
    finish(*this, decoded, text, steady_clock::now() - began);
    return;
  }
  work_ = std::make_shared<Work>();
  work_->owner = this;
  work_->slot = std::move(slot_);
  work_->media_type = media_type_;
  work_->size = body.size();
  if (text_) {
    work_->text = std::move(text_);
  } else {
    work_->text = std::make_unique_for_overwrite<char[]>(body.size());
    std::memcpy(work_->text.get(), body.data(), body.size());
  }
  boost::asio::post(context_.codecs, [work = work_, &loop = context_.loop, finish]() mutable {
    const auto began = steady_clock::now();
    work->decoded = DecodeInto(work->media_type, {work->text.get(), work->size}, work->slot.body());
    work->took = steady_clock::now() - began;
    // The last one to hold the work lets go of its slot: that must be the loop.
    boost::asio::post(loop, [work = std::move(work), finish] {
      Invocation* const owner = work->owner;
      if (owner == nullptr) return;
      owner->work_.reset();
      owner->slot_ = std::move(work->slot);
      finish(*owner, work->decoded, {work->text.get(), work->size}, work->took);
    });
  });
}

void Invocation::Submit() {
  transport::RequestDescriptor& request = slot_.request();
  request.body_offset = slot_.body_offset();
  const auto deadline = arrived_ + context_.timeout;
  request.deadline = MonotonicNs(deadline);
  const std::span<char> room = slot_.header_blob();
  if (headers_.size() > room.size()) {
    Respond(431, "RequestHeaderFieldsTooLarge", "the headers are larger than a model gets");
    return;
  }
  std::memcpy(room.data(), headers_.data(), headers_.size());
  request.headers_length = static_cast<uint32_t>(headers_.size());
  request.id_length = static_cast<uint8_t>(id_.size());
  id_.copy(request.id, id_.size());
  admitted_ = steady_clock::now();
  job_ = context_.pool.Admit(std::move(slot_), *this, deadline);
  if (job_ == nullptr) {
    Respond(503, "ServiceUnavailable", "too many requests wait already: try again");
  }
}

void Invocation::OnAnswer(transport::SlotLease slot, transport::Answer answer, Descriptor file) {
  job_ = nullptr;
  const int64_t waited = answer.begun - MonotonicNs(admitted_);
  context_.metrics.queue.Add(nanoseconds(answer.begun > 0 && waited > 0 ? waited : 0));
  if (answer.kind == transport::ResponseKind::kTensor) {
    Encode(std::move(slot), std::move(answer));
    return;
  }
  http::Response response;
  response.status = answer.status;
  response.headers = std::move(answer.headers);
  if (answer.kind == transport::ResponseKind::kFile) {
    struct stat about{};
    if (::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode) ||
        static_cast<uint64_t>(about.st_size) < answer.file_bytes) {
      Respond(500, "InternalServerError", "the worker's answer cannot be read");
      return;
    }
    response.body = http::FileBytes{std::move(file), answer.file_bytes};
  } else if (answer.body.size() <= kCopied) {
    response.body = std::string(answer.body.begin(), answer.body.end());
  } else {
    response.body =
        http::PinnedBytes{answer.body, std::make_shared<transport::SlotLease>(std::move(slot))};
  }
  Respond(std::move(response));
}

void Invocation::Encode(transport::SlotLease slot, transport::Answer answer) {
  const auto finish = [](Invocation& self, transport::Answer& encoded_answer,
                         Result<std::string>& encoded, nanoseconds took) {
    self.context_.metrics.encode.Add(took);
    if (!encoded) {
      log::Error("serve", "request {}: cannot encode the answer: {}", self.id_,
                 encoded.error().message());
      self.Respond(500, "InternalServerError", "the model's answer cannot be encoded");
      return;
    }
    http::Response response;
    response.status = encoded_answer.status;
    response.headers = std::move(encoded_answer.headers);
    response.body = *std::move(encoded);
    self.Respond(std::move(response));
  };
  if (answer.body.size() <= kInLoop) {
    const auto began = steady_clock::now();
    auto encoded =
        EncodeAs(answer.encoding, {answer.tensor, answer.body.data()}, context_.pool.numpy_text());
    finish(*this, answer, encoded, steady_clock::now() - began);
    return;
  }
  work_ = std::make_shared<Work>();
  work_->owner = this;
  work_->slot = std::move(slot);
  work_->answer = std::move(answer);
  work_->style = context_.pool.numpy_text();
  boost::asio::post(context_.codecs, [work = work_, &loop = context_.loop, finish]() mutable {
    const auto began = steady_clock::now();
    work->encoded = EncodeAs(work->answer.encoding, {work->answer.tensor, work->answer.body.data()},
                             work->style);
    work->took = steady_clock::now() - began;
    boost::asio::post(loop, [work = std::move(work), finish] {
      Invocation* const owner = work->owner;
      if (owner == nullptr) return;
      owner->work_.reset();
      finish(*owner, work->answer, work->encoded, work->took);
    });
  });
}

void Invocation::OnFailure(worker::Failure failure, std::string explanation) {
  job_ = nullptr;
  using enum worker::Failure;
  switch (failure) {
    case kExpired:
    case kOverran:
      Respond(504, "GatewayTimeout", explanation);
      return;
    case kOutOfMemory:
      Respond(507, "InsufficientStorage", explanation);
      return;
    case kShutDown:
      Respond(503, "ServiceUnavailable", explanation);
      return;
    case kWorkerDied:
    case kBadAnswer:
      Respond(500, "InternalServerError", explanation);
      return;
  }
}

void Invocation::Respond(unsigned status, std::string_view error, std::string_view message) {
  Respond(http::ErrorResponse(status, error, message));
}

void Invocation::Respond(http::Response response) {
  response.request_id = id_;
  // An application may have one of its own.
  const bool named = std::ranges::any_of(response.headers, [](const auto& header) {
    return ::strcasecmp(header.first.c_str(), "X-Request-Id") == 0;
  });
  if (!named) response.headers.emplace_back("X-Request-Id", id_);
  std::exchange(done_, nullptr)(std::move(response));
}

}  // namespace berth::serving
