// Descriptors sent from one process to another, over a socket of SOCK_SEQPACKET.
#pragma once

#include <cstdint>
#include <optional>

#include "core/descriptor.h"
#include "core/error.h"

namespace berth::platform {

/// A descriptor, and the number of what it is.
struct SentDescriptor {
  uint32_t number = 0;
  Descriptor descriptor{};
};

/// Fails where the other end is gone.
[[nodiscard]] Result<void> SendDescriptor(int socket, uint32_t number,
                                          const Descriptor& descriptor);

/// Blocks for the next. Nothing: there will be no more.
std::optional<SentDescriptor> ReceiveDescriptor(int socket);

}  // namespace berth::platform
