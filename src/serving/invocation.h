// One request to the model: from its head to its answer.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "serving/http/service.h"
#include "serving/metrics.h"
#include "serving/transport/arena.h"
#include "serving/worker/pool.h"

namespace boost::asio {
class io_context;
}

namespace berth::serving {

/// What every invocation needs. All of it outlives them.
struct InvocationContext {
  boost::asio::io_context& loop;
  /// For what takes too long for the loop: decoding and encoding of large bodies.
  boost::asio::thread_pool& codecs;
  transport::Arena& arena;
  worker::Pool& pool;
  Metrics& metrics;
  std::chrono::nanoseconds timeout;
  /// Workers are told who asks: WSGI's REMOTE_ADDR.
  bool tell_peer = false;
};

/// Event loop's thread; the codec threads see only memory that the invocation keeps for them.
class Invocation final : public http::Exchange, public worker::JobOwner {
 public:
  Invocation(InvocationContext& context, const http::RequestHead& head);
  ~Invocation() override;

  std::span<char> Place(uint64_t length) override;
  void Run(std::span<const char> body, Done done) override;
  bool waiting() const override;
  void OnAnswer(transport::SlotLease slot, transport::Answer answer, Descriptor file) override;
  void OnFailure(worker::Failure failure, std::string explanation) override;

 private:
  struct Work;

  bool WantsDecoding() const;
  bool TakeSlot(uint64_t length);
  void Decode(std::span<const char> body);
  void Submit();
  void Encode(transport::SlotLease slot, transport::Answer answer);
  void Respond(http::Response response);
  void Respond(unsigned status, std::string_view error, std::string_view message);

  InvocationContext& context_;
  const std::chrono::steady_clock::time_point arrived_;
  std::chrono::steady_clock::time_point admitted_;
  std::string id_;
  std::string media_type_;  // of the body: lower case, without parameters
  std::string headers_;     // the blob for the worker
  Done done_;
  transport::SlotLease slot_;
  std::unique_ptr<char[]> text_;  // a body that we decode ourselves
  worker::Job* job_ = nullptr;
  /// What a codec thread works on; it tells us through this, if we are still there.
  std::shared_ptr<Work> work_;
};

/// The id of a request: its X-Amzn-SageMaker-Inference-Id where that can stand in a log line, else
/// one that is made.
std::string RequestIdOf(const http::RequestHead& head);

/// Whether the body of such a request is decoded by the server: the handler left it to us.
bool IsDecodedHere(const InvocationContext& context, const http::RequestHead& head);

}  // namespace berth::serving
