// Descriptors 0, 1 and 2 are always open.
#pragma once

#include <array>

#include "core/descriptor.h"

namespace berth::process {

/// While it lives, those of our standard descriptors that were closed are /dev/null. Else a pipe
/// or file opened next would get their number, and what is written to "stdout" would go there.
/// A child inherits a stand-in as its own. Also for main(), before it opens anything.
class StandardStreams {
 public:
  StandardStreams();

 private:
  std::array<Descriptor, 3> stand_ins_;
};

}  // namespace berth::process
