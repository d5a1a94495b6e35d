// What a process says to the host of ranks: any bytes are a message or an error, and a message
// reads back as it was written.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "ranks/message.h"

using namespace berth::ranks;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)CheckAnswer(bytes);
  if (const auto message = ParseMessage(bytes)) {
    // Bad UTF-8 and long texts do not survive the first writing.
    const auto once = ParseMessage(Encode(*message));
    if (!once) std::abort();
    const auto twice = ParseMessage(Encode(*once));
    if (!twice || *twice != *once) std::abort();
  }
  if (const auto program = ParseProgram(bytes)) {
    const auto again = ParseProgram(Encode(*program));
    if (!again || again->argv != program->argv || again->variables != program->variables ||
        again->kept != program->kept) {
      std::abort();
    }
  }
  return 0;
}
