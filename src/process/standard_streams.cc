#include "process/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace berth::process {

StandardStreams::StandardStreams() {
  for (int fd = 0; fd < 3; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number is this one: those below are open by now.
    Descriptor null(::open("/dev/null", O_RDWR));
    if (null.get() == fd) stand_ins_.at(static_cast<size_t>(fd)) = std::move(null);
  }
}

}  // namespace berth::process
