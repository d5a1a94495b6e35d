// What a launcher itself says (mpirun, torchrun, sshd), beside its ranks: whole lines into the log.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "process/supervisor.h"

namespace berth::training {

/// Its ranks' output does not come this way (ranks/rank_host.h). Lines stand by themselves between
/// those of ranks and ours, without the NULs and carriage returns that launchers leave in them, and
/// with an end where there was none.
class LauncherOutput {
 public:
  void Feed(process::Stream stream, std::string_view bytes);
  /// From here on it is told only at the level of debugging: a launcher that is stopped, or whose
  /// ranks are, explains that by causes that are none ("a firewall").
  void Mute() { muted_ = true; }
  /// Nothing more will come.
  void Finish();

 private:
  struct Line {
    int fd;
    std::string text{};
  };

  void Write(Line& line);

  std::array<Line, 2> lines_{{{.fd = 1}, {.fd = 2}}};
  bool muted_ = false;
};

}  // namespace berth::training
