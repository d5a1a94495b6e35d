// A socket in the abstract namespace, between processes of one user: packets and descriptors.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/descriptor.h"

namespace berth::ranks {

/// Listens, non-blocking. Fails where the name is longer than 100 bytes or taken.
[[nodiscard]] Result<Descriptor> ListenAt(const std::string& name);

/// Connects, blocking; waits while the other side's queue is full.
[[nodiscard]] Result<Descriptor> ConnectTo(const std::string& name);

/// The process at the other end, if it is of our own user: whoever knows a name may connect to it,
/// or listen there before we do. 0 where our PID namespace does not show it.
std::optional<pid_t> PeerOfOurUser(int socket);

/// Sends one packet with up to three descriptors, without waiting. False with errno.
bool SendPacket(int socket, std::string_view packet, std::span<const int> descriptors = {});

struct Packet {
  std::string_view bytes;
  std::vector<Descriptor> descriptors;
};

/// The next packet, in `buffer`; empty bytes where the other side has gone, or is about to. One
/// that does not fit is an error, as is a wait longer than the socket's SO_RCVTIMEO.
[[nodiscard]] Result<Packet> ReceivePacket(int socket, std::span<char> buffer);

}  // namespace berth::ranks
