#include "cluster/handshake.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "cluster/timing.h"

namespace berth::cluster {
namespace {

constexpr std::string_view kMagic = "BERTHLK1";
/// Of kMagic, without the version.
constexpr size_t kMagicName = 7;
constexpr size_t kVerdictSize = 1 + kDigestSize;

enum class Greeting : uint8_t { kMore, kOurs, kOtherVersion, kStranger };

/// Says so as early as the bytes do: a stranger may never send eight.
Greeting Greet(std::string_view input) {
  const size_t named = std::min(input.size(), kMagicName);
  if (input.substr(0, named) != kMagic.substr(0, named)) return Greeting::kStranger;
  if (input.size() < kMagic.size()) return Greeting::kMore;
  return input.starts_with(kMagic) ? Greeting::kOurs : Greeting::kOtherVersion;
}

Digest TakeDigest(std::string_view input, size_t offset) {
  Digest digest;
  std::copy_n(input.begin() + static_cast<std::ptrdiff_t>(offset), digest.size(), digest.begin());
  return digest;
}

std::string VerdictLabel(Verdict verdict) {
  return "hub" + std::to_string(static_cast<int>(verdict));
}

SessionKeys KeysOf(const Transcript& transcript, std::string_view key) {
  return {.to_hub = transcript.Prove(key, "frames to hub"),
          .to_member = transcript.Prove(key, "frames to member")};
}

}  // namespace

HubHandshake::HubHandshake(std::string key, std::string hub, Digest nonce) : key_(std::move(key)) {
  transcript_.hub = std::move(hub);
  transcript_.hub_nonce = nonce;
}

HubHandshake::State HubHandshake::Feed(std::string& input, std::string& output) {
  if (!greeted_) {
    switch (Greet(input)) {
      case Greeting::kMore:
        return State::kMore;
      case Greeting::kStranger:
        return State::kStranger;
      case Greeting::kOtherVersion:
        output += kMagic;  // so that the peer knows, too
        return State::kOtherVersion;
      case Greeting::kOurs:
        break;
    }
    if (input.size() <= kMagic.size()) return State::kMore;
    const auto name_size = static_cast<unsigned char>(input[kMagic.size()]);
    if (name_size == 0) return State::kStranger;
    const size_t name_at = kMagic.size() + 1;
    const size_t size = name_at + name_size + kDigestSize;
    if (input.size() < size) return State::kMore;
    transcript_.member = input.substr(name_at, name_size);
    transcript_.member_nonce = TakeDigest(input, name_at + name_size);
    input.erase(0, size);
    output += kMagic;
    output += View(transcript_.hub_nonce);
    greeted_ = true;
  }
  if (input.size() < kDigestSize) return State::kMore;
  const Digest proof = TakeDigest(input, 0);
  input.erase(0, kDigestSize);
  if (!EqualInConstantTime(View(proof), View(transcript_.Prove(key_, "member")))) {
    output += static_cast<char>(Verdict::kWrongKey);
    output.append(kDigestSize, '\0');
    return State::kWrongKey;
  }
  return State::kProved;
}

std::string HubHandshake::Answer(Verdict verdict) const {
  assert(verdict != Verdict::kWrongKey);
  std::string answer(1, static_cast<char>(verdict));
  answer += View(transcript_.Prove(key_, VerdictLabel(verdict)));
  return answer;
}

SessionKeys HubHandshake::keys() const {
  return KeysOf(transcript_, key_);
}

MemberHandshake::MemberHandshake(std::string key, std::string hub, std::string member, Digest nonce)
    : key_(std::move(key)) {
  transcript_.hub = std::move(hub);
  transcript_.member = std::move(member);
  transcript_.member_nonce = nonce;
  assert(!transcript_.member.empty() && transcript_.member.size() <= kMaxName);
}

std::string MemberHandshake::Hello() const {
  std::string hello(kMagic);
  hello += static_cast<char>(static_cast<unsigned char>(transcript_.member.size()));
  hello += transcript_.member;
  hello += View(transcript_.member_nonce);
  return hello;
}

MemberHandshake::State MemberHandshake::Feed(std::string& input, std::string& output) {
  if (!challenged_) {
    switch (Greet(input)) {
      case Greeting::kMore:
        return State::kMore;
      case Greeting::kStranger:
        return State::kStranger;
      case Greeting::kOtherVersion:
        return State::kOtherVersion;
      case Greeting::kOurs:
        break;
    }
    if (input.size() < kMagic.size() + kDigestSize) return State::kMore;
    transcript_.hub_nonce = TakeDigest(input, kMagic.size());
    input.erase(0, kMagic.size() + kDigestSize);
    output += View(transcript_.Prove(key_, "member"));
    challenged_ = true;
  }
  if (input.size() < kVerdictSize) return State::kMore;
  const auto verdict = static_cast<Verdict>(input[0]);
  const Digest proof = TakeDigest(input, 1);
  input.erase(0, kVerdictSize);
  if (!EqualInConstantTime(View(proof), View(transcript_.Prove(key_, VerdictLabel(verdict))))) {
    return State::kWrongKey;
  }
  switch (verdict) {
    case Verdict::kWelcome:
      return State::kWelcome;
    case Verdict::kUnknownName:
      return State::kUnknownName;
    case Verdict::kTaken:
      return State::kTaken;
    case Verdict::kWrongKey:
      break;
  }
  return State::kWrongKey;
}

SessionKeys MemberHandshake::keys() const {
  return KeysOf(transcript_, key_);
}

}  // namespace berth::cluster
