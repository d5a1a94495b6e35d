#include "platform/teller.h"

#include "core/log.h"

namespace berth::platform {

void Teller::Enter(Status status, std::string_view message) {
  record_.Enter(status, message, std::chrono::system_clock::now());
  Save();
  log::Info("local", "{}: {} ({})", name_, SecondaryName(status), message);
}

void Teller::Save() {
  if (auto saved = record_.Save(); !saved) {
    log::Warning("local", "{}", saved.error().message());
    complete_ = false;
  }
}

}  // namespace berth::platform
