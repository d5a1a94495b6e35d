// What is wrong with a CreateTrainingJob request: everything at once, before anything is run.
//
// The limits are the platform's (docs/contract.md, section 6), plus what this platform cannot do
// yet. Pure: whether a channel's folder exists is asked when the job is prepared.
#pragma once

#include <string>
#include <vector>

#include "platform/request.h"

namespace berth::platform {

struct Findings {
  /// One line each: `InputDataConfig[1].ChannelName: "a b": may only hold …`. With any of these
  /// the job is not run. Values whose name looks like a secret are not repeated.
  std::vector<std::string> problems;
  /// Worth saying, but no reason not to run: unknown members, settings without effect here.
  std::vector<std::string> warnings;
};

Findings Validate(const TrainingJobRequest& request);

}  // namespace berth::platform
