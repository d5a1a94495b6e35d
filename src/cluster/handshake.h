// How the two ends of a new connection prove to each other that they know the job's key. Bytes in,
// bytes out: no socket, no clock.
//
//   member → hub   "BERTHLK1", length and bytes of the member's name, its nonce
//   hub → member   "BERTHLK1", the hub's nonce
//   member → hub   the member's proof
//   hub → member   a verdict (1 byte), and the hub's proof over it
//
// The member proves first: whoever merely connects to the hub gets nothing that depends on the key
// and that it could try keys against.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cluster/proof.h"

namespace berth::cluster {

/// The keys of the frames of one connection, one for each direction: what one end sent cannot be
/// sent back to it.
struct SessionKeys {
  Digest to_hub{};
  Digest to_member{};
};

enum class Verdict : uint8_t {
  kWelcome = 0,
  /// The name is not among the hosts of the job.
  kUnknownName = 1,
  /// A host of that name is joined.
  kTaken = 2,
  /// Comes without a proof: the hub gives none to one that does not know the key.
  kWrongKey = 3,
};

class HubHandshake {
 public:
  enum class State : uint8_t {
    kMore,
    /// The peer knows the key; it is waiting for Answer().
    kProved,
    kWrongKey,
    kOtherVersion,
    /// No berth.
    kStranger,
  };

  HubHandshake(std::string key, std::string hub, Digest nonce = MakeNonce());

  /// Takes from the front of `input` what belongs to the handshake, and appends to `output` what is
  /// to be sent. Not after it has given another state than kMore. At most kMaxHandshake bytes of
  /// input are ever needed.
  State Feed(std::string& input, std::string& output);

  /// The name that the peer has given, once it has.
  const std::string& member() const { return transcript_.member; }

  /// After kProved: what to send. Not kWrongKey.
  std::string Answer(Verdict verdict) const;
  SessionKeys keys() const;

 private:
  std::string key_;
  Transcript transcript_;
  bool greeted_ = false;
};

class MemberHandshake {
 public:
  enum class State : uint8_t {
    kMore,
    kWelcome,
    /// Proved by the hub.
    kUnknownName,
    kTaken,
    /// Either end did not know the other's key.
    kWrongKey,
    kOtherVersion,
    kStranger,
  };

  MemberHandshake(std::string key, std::string hub, std::string member, Digest nonce = MakeNonce());

  /// What to send first.
  std::string Hello() const;

  /// As HubHandshake::Feed(). After kWelcome, frames follow in `input`.
  State Feed(std::string& input, std::string& output);

  SessionKeys keys() const;

 private:
  std::string key_;
  Transcript transcript_;
  bool challenged_ = false;
};

/// More bytes than this never belong to a handshake.
inline constexpr size_t kMaxHandshake = 8 + 1 + 255 + 2 * kDigestSize;

}  // namespace berth::cluster
