// What a stranger sends to either end of the link between hosts is refused or waited for; what a
// friend sends comes out as it was, however it is cut, and never otherwise.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cluster/frames.h"
#include "cluster/handshake.h"

using namespace berth::cluster;

namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

constexpr std::string_view kKey = "what nobody guesses";

Digest NonceOf(char byte) {
  Digest nonce;
  nonce.fill(byte);
  return nonce;
}

/// All of `bytes`, in pieces of `step`, until the end has made up its mind.
template <typename End>
typename End::State FeedAll(End& end, std::string_view bytes, size_t step) {
  std::string input;
  std::string output;
  auto state = End::State::kMore;
  while (!bytes.empty() && state == End::State::kMore) {
    input += bytes.substr(0, step);
    bytes.remove_prefix(std::min(step, bytes.size()));
    state = end.Feed(input, output);
    Require(state != End::State::kMore || input.size() <= kMaxHandshake);
    Require(output.size() <= kMaxHandshake);
  }
  return state;
}

void Strangers(std::string_view bytes, size_t step) {
  HubHandshake hub(std::string(kKey), "algo-1", NonceOf('h'));
  Require(FeedAll(hub, bytes, step) != HubHandshake::State::kProved);
  MemberHandshake member(std::string(kKey), "algo-1", "algo-2", NonceOf('m'));
  const auto state = FeedAll(member, bytes, step);
  Require(state == MemberHandshake::State::kMore || state == MemberHandshake::State::kWrongKey ||
          state == MemberHandshake::State::kOtherVersion ||
          state == MemberHandshake::State::kStranger);
  FrameOpener opener(NonceOf('k'));
  Frame frame;
  const auto taken = opener.Next(bytes, frame);
  Require(!taken || !*taken);
}

/// Any content comes through; with one bit changed, nothing does.
void Friends(std::string_view content, size_t step, size_t bit) {
  if (content.size() > kMaxMessage) return;
  FrameSealer sealer(NonceOf('k'));
  std::string sealed;
  sealer.Seal(FrameKind::kMessage, content, sealed);
  FrameOpener opener(NonceOf('k'));
  for (size_t size = 0;; size = std::min(size + step, sealed.size())) {
    std::string_view rest = std::string_view(sealed).substr(0, size);
    Frame frame;
    const auto taken = opener.Next(rest, frame);
    Require(taken.has_value() && *taken == (size == sealed.size()));
    if (!*taken) continue;
    Require(frame.kind == FrameKind::kMessage && frame.content == content && rest.empty());
    break;
  }
  bit %= sealed.size() * 8;
  sealed[bit / 8] =
      static_cast<char>(static_cast<unsigned char>(sealed[bit / 8]) ^ (1U << (bit % 8)));
  std::string_view changed = sealed;
  FrameOpener fresh(NonceOf('k'));
  Frame frame;
  const auto taken = fresh.Next(changed, frame);
  Require(!taken || !*taken);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const size_t step = size_t{data[0]} + 1;
  const size_t bit = size_t{data[1]} << 8 | data[2];
  const std::string_view rest(reinterpret_cast<const char*>(data) + 3, size - 3);
  Strangers(rest, step);
  Friends(rest, step, bit);
  return 0;
}
