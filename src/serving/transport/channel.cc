#include "serving/transport/channel.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "serving/transport/layout.h"

namespace berth::serving::transport {
namespace {

constexpr size_t kRingBytes = 4096;
static_assert(kRingEntries * sizeof(uint32_t) <= kRingBytes);

}  // namespace

Result<Channel> Channel::Make() {
  Descriptor file(::memfd_create("berth-ring", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file || ::ftruncate(file.get(), kRingBytes) != 0 ||
      ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return FailErrno("cannot make a worker's ring");
  }
  void* ring = ::mmap(nullptr, kRingBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (ring == MAP_FAILED) return FailErrno("cannot map a worker's ring");
  Descriptor ready(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE));
  Descriptor done(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!ready || !done) {
    const int error = errno;
    ::munmap(ring, kRingBytes);
    return Fail(Error::System(error, "cannot make a worker's event descriptors"));
  }
  return Channel(std::move(file), static_cast<uint32_t*>(ring), std::move(ready), std::move(done));
}

Channel::Channel(Descriptor ring_file, uint32_t* ring, Descriptor ready, Descriptor done)
    : ring_file_(std::move(ring_file)),
      ring_(ring),
      ready_(std::move(ready)),
      done_(std::move(done)) {}

Channel::Channel(Channel&& other) noexcept
    : ring_file_(std::move(other.ring_file_)),
      ring_(std::exchange(other.ring_, nullptr)),
      ready_(std::move(other.ready_)),
      done_(std::move(other.done_)),
      tail_(other.tail_),
      untold_(other.untold_) {}

Channel::~Channel() {
  if (ring_ != nullptr) ::munmap(ring_, kRingBytes);
}

void Channel::Push(uint32_t slot) {
  ring_[tail_ % kRingEntries] = slot;
  ++tail_;
  ++untold_;
}

void Channel::Tell() {
  if (untold_ == 0) return;
  // Cannot fail for want of room: the counter holds 2^64 - 2.
  [[maybe_unused]] const ssize_t n = ::write(ready_.get(), &untold_, sizeof untold_);
  untold_ = 0;
}

uint32_t Channel::Recall() {
  auto taken = static_cast<uint32_t>(untold_);
  untold_ = 0;
  uint64_t one = 0;
  while (taken < kRingEntries) {
    const ssize_t n = ::read(ready_.get(), &one, sizeof one);
    if (n < 0 && errno == EINTR) continue;
    if (n != sizeof one) break;
    ++taken;
  }
  tail_ -= taken;
  return taken;
}

uint64_t Channel::Finished() {
  uint64_t count = 0;
  for (;;) {
    const ssize_t n = ::read(done_.get(), &count, sizeof count);
    if (n == sizeof count) return count;
    if (n < 0 && errno == EINTR) continue;
    return 0;
  }
}

}  // namespace berth::serving::transport
