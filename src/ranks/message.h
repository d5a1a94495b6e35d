// What a host's berth and the `berth rank` around each of its ranks say to each other, as bytes.
//
// Through a SOCK_SEQPACKET socket, one message a packet. A message is a list of texts, each ended
// by a NUL, which neither an argument nor a variable can hold.
//
//   rank -> host   "hello" rank local_rank world     at once
//   host -> rank   "run", with three descriptors: the program (a sealed file in memory, read from
//                  its start), and where stdout and stderr go
//   host -> rank   "refused" why                     in place of it
//   rank -> host   "started" pid
//   rank -> host   "ended" exit_code signal out_of_memory reported start_error forsaken_by
//   host -> rank   the end of the connection, after which the `berth rank` ends
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/error.h"
#include "ranks/rank_program.h"

namespace berth::ranks {

/// After it has said that its rank has ended, `berth rank` waits for its host to close the
/// connection, at most this long.
inline constexpr std::chrono::milliseconds kLongestHold{2'000};

/// A larger packet is nobody's.
inline constexpr size_t kLongestMessage = size_t{64} << 10;
/// A larger program is nobody's: Linux lets arguments and variables have 6 MiB at most.
inline constexpr size_t kLargestProgram = size_t{16} << 20;
/// Texts about a rank's end are cut to so many bytes.
inline constexpr size_t kLongestText = size_t{16} << 10;

struct Hello {
  int rank = 0;
  int local_rank = 0;
  /// How many ranks the job has, 0 where the launcher does not say.
  int world = 0;
  bool operator==(const Hello&) const = default;
};
struct Started {
  pid_t pid = -1;
  bool operator==(const Started&) const = default;
};
struct Ended {
  int exit_code = 0;
  int signal = 0;
  bool out_of_memory = false;
  std::string reported;
  std::string start_error;
  std::string forsaken_by{};
  bool operator==(const Ended&) const = default;
};
using RankMessage = std::variant<Hello, Started, Ended>;

std::string Encode(const RankMessage& message);
/// Of any bytes; an error says what is wrong with them.
[[nodiscard]] Result<RankMessage> ParseMessage(std::string_view packet);

/// "run", or "refused" and why.
std::string EncodeRun();
std::string EncodeRefusal(std::string_view why);
/// Fails with the refusal's text.
[[nodiscard]] Result<void> CheckAnswer(std::string_view packet);

std::string Encode(const RankProgram& program);
[[nodiscard]] Result<RankProgram> ParseProgram(std::string_view bytes);

}  // namespace berth::ranks
