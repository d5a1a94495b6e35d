// What both ends compute from the job's key: HMAC-SHA256, by OpenSSL.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "core/error.h"

namespace berth::cluster {

inline constexpr size_t kDigestSize = 32;

/// A MAC, a nonce or a key of a session.
using Digest = std::array<char, kDigestSize>;

inline std::string_view View(const Digest& digest) {
  return {digest.data(), digest.size()};
}

/// Random bytes from the kernel.
Digest MakeNonce();

Digest Hmac(std::string_view key, std::string_view bytes);

/// In a time that does not depend on where they differ.
bool EqualInConstantTime(std::string_view a, std::string_view b);

/// What both ends of one connection know once the nonces are exchanged.
struct Transcript {
  std::string hub;
  std::string member;
  Digest hub_nonce{};
  Digest member_nonce{};

  /// HMAC under `key` over `label`, both nonces and both names: differs for each connection, and
  /// for each label, so that no end can be shown its own proof again.
  Digest Prove(std::string_view key, std::string_view label) const;
};

}  // namespace berth::cluster
