// An open file descriptor and its owner.
#pragma once

#include <utility>
#include <vector>

#include "core/error.h"

namespace berth {

/// Owns one descriptor; closes it when it goes. Empty when get() is -1.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Close(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

  /// Gives the descriptor away; this becomes empty.
  int Release() { return std::exchange(fd_, -1); }
  void Close();

 private:
  int fd_ = -1;
};

struct Pipe {
  Descriptor read;
  Descriptor write;
};

/// A pipe whose ends are closed on exec. Blocking.
[[nodiscard]] Result<Pipe> MakePipe();

[[nodiscard]] Result<void> SetNonBlocking(int fd, bool on);

/// Closes what this process has open, save stdin, stdout, stderr and `kept` (a -1 among them is
/// none): in a fork that has nothing to do with the rest. Kernels before 5.9 cannot.
void CloseAllBut(std::vector<int> kept);

/// Writes all of it to a blocking descriptor, through interruptions and short writes.
[[nodiscard]] Result<void> WriteAll(int fd, const void* bytes, size_t size);

}  // namespace berth
