// The sockets of the link: what Hub and Member do to theirs alike.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

namespace berth::cluster {

/// No delay for small messages; and, where the kernel knows it (Linux 6.15), a lost segment is sent
/// again every second at the latest, so that a cut is over for us within a second of its end.
void TuneSocket(int fd);

/// Sends it all at once, or does not: what a handshake sends fits into the buffer of a fresh
/// socket.
bool SendAtOnce(int fd, std::string_view bytes);

enum class Received : uint8_t { kBytes, kNothingYet, kEnd };

/// Appends what has come to `input`, at most `limit` bytes. kEnd: closed or broken.
Received ReceiveSome(int fd, std::string& input, size_t limit);

}  // namespace berth::cluster
