// The socket that a server listens on.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "core/descriptor.h"
#include "core/error.h"

namespace berth::serving::http {

/// Non-blocking and listening, on all addresses of IPv6 and IPv4, or of IPv4 where there is no
/// IPv6. Connections taken from it have TCP_NODELAY: they inherit it.
[[nodiscard]] Result<Descriptor> ListenOn(uint16_t port);

/// The port that it is bound to.
[[nodiscard]] Result<uint16_t> BoundPort(int socket);

/// "192.0.2.1 51234", as RequestHead::peer; an IPv4 address that came over an IPv6 socket as the
/// former. Empty for other families.
std::string AddressOf(const sockaddr_storage& peer);

}  // namespace berth::serving::http
