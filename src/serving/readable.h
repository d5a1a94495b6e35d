// Tells when a descriptor of somebody else's can be read.
#pragma once

#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace berth::serving {

/// Calls `on_ready` in the loop's thread whenever `fd` has something to read, or its other end has
/// gone, until this is destroyed; `on_ready` may destroy it. The descriptor stays the caller's, who
/// closes it later.
class Readable {
 public:
  Readable(boost::asio::io_context& loop, int fd, std::function<void()> on_ready);
  ~Readable();
  Readable(const Readable&) = delete;
  Readable& operator=(const Readable&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth::serving
