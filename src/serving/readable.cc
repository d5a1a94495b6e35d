#include "serving/readable.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <utility>

namespace berth::serving {

struct Readable::State : std::enable_shared_from_this<State> {
  State(boost::asio::io_context& loop, std::function<void()> call)
      : descriptor(loop), on_ready(std::move(call)) {}

  void Wait() {
    descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](const boost::system::error_code& error) {
                            if (error || self->gone) return;
                            self->on_ready();
                            if (!self->gone) self->Wait();
                          });
  }

  boost::asio::posix::stream_descriptor descriptor;
  std::function<void()> on_ready;
  bool gone = false;
};

Readable::Readable(boost::asio::io_context& loop, int fd, std::function<void()> on_ready)
    : state_(std::make_shared<State>(loop, std::move(on_ready))) {
  state_->descriptor.assign(fd);
  state_->Wait();
}

Readable::~Readable() {
  state_->gone = true;
  // Not close(): the descriptor is the caller's. It also tells the kernel to forget it, which a
  // close would not where a worker has the same file open.
  state_->descriptor.release();
}

}  // namespace berth::serving
