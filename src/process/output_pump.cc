#include "process/output_pump.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace berth::process {
namespace {

/// Fits the second-level cache, so that the copy out finds what the copy in left there.
constexpr size_t kBufferBytes = size_t{128} << 10;

/// Signals and timers are looked at after so many rounds of a stream that never pauses.
constexpr int kRounds = 32;

}  // namespace

Result<Pipe> MakeOutputPipe(int bytes) {
  BERTH_ASSIGN(Pipe pipe, MakePipe());
  ::fcntl(pipe.write.get(), F_SETPIPE_SZ, bytes);  // smaller is slower, not wrong
  BERTH_TRY(SetNonBlocking(pipe.read.get(), true));
  return pipe;
}

OutputPump::OutputPump(Descriptor source, int sink_fd, size_t tail_bytes, Observer observer)
    : source_(std::move(source)),
      sink_(sink_fd),
      tail_(tail_bytes),
      observer_(std::move(observer)),
      buffer_(std::make_unique_for_overwrite<char[]>(kBufferBytes)) {}

void OutputPump::Advance() {
  for (int round = 0; round < kRounds; ++round) {
    if (filled_ == 0 && !Fill()) return;
    if (!Flush()) return;
  }
}

bool OutputPump::Fill() {
  while (source_) {
    const ssize_t n = ::read(source_.get(), buffer_.get(), kBufferBytes);
    if (n > 0) {
      lost_ |= abandoned_;
      begin_ = 0;
      filled_ = static_cast<size_t>(n);
      empty_ = false;
      return true;
    }
    if (n < 0 && errno == EINTR) continue;
    empty_ = true;
    if (n == 0 || errno != EAGAIN) source_.Close();
    return false;
  }
  return false;
}

bool OutputPump::Flush() {
  while (filled_ > 0) {
    const std::string_view bytes(buffer_.get() + begin_, filled_);
    const size_t n = abandoned_ ? bytes.size() : sink_.Write(bytes);
    if (n == 0) return false;
    Consume(n);
  }
  return true;
}

void OutputPump::Consume(size_t size) {
  const std::string_view passed(buffer_.get() + begin_, size);
  tail_.Append(passed);
  begin_ += size;
  filled_ -= size;
  if (observer_) observer_(passed);
}

void OutputPump::Abandon() {
  abandoned_ = true;
  lost_ = filled_ > 0;
  Advance();
  source_.Close();
}

}  // namespace berth::process
