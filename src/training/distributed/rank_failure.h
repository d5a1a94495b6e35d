// What the end of a rank says of its failure: when it came about, why, and in which words.
#pragma once

#include "core/event_loop.h"
#include "core/secrets.h"
#include "ranks/rank_host.h"
#include "training/distributed/messages.h"

namespace berth::training {

/// When the rank failed: with the last words that it had for it. What it does until it has ended
/// may take longer than the end of another that waited for it. One that was killed had none: what
/// it said just before has nothing to do with that.
EventLoop::Clock::time_point FailedAt(const ranks::RankEnd& end);

/// `launcher_gone`: the host's command had ended before the rank did. `leads`: it is the launcher
/// of all ranks, and has an end of its own.
Cause CauseOf(const ranks::RankEnd& end, bool launcher_gone, bool leads);

/// The rank's exit code and its failure in words, `secrets` masked.
Ending EndingOf(const ranks::RankEnd& end, const Secrets& secrets);

}  // namespace berth::training
