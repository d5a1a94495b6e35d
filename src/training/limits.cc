#include "training/limits.h"

#include <charconv>

#include "core/log.h"

namespace berth::training {

std::chrono::milliseconds SecondsOf(const process::Variables& variables, const std::string& name,
                                    std::chrono::milliseconds usual) {
  const auto found = variables.find(name);
  if (found == variables.end() || found->second.empty()) return usual;
  const std::string& text = found->second;
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || !(seconds >= 0) ||
      seconds > 86'400) {
    log::Warning("training", "{} is \"{}\": expected seconds from 0 to 86400; using {}", name, text,
                 usual.count() / 1000);
    return usual;
  }
  return std::chrono::milliseconds(static_cast<long>(seconds * 1000));
}

}  // namespace berth::training
