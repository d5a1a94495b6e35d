// What a worker writes into its slot: any bytes are read inside the slot, or refused.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "serving/transport/answer.h"

using namespace berth::serving::transport;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ResponseDescriptor descriptor;
  if (size < sizeof descriptor) return 0;
  std::memcpy(&descriptor, data, sizeof descriptor);
  const std::vector<char> area(data + sizeof descriptor, data + size);
  const auto answer = CheckAnswer(descriptor, area, kSmallResponse);
  if (answer && !answer->body.empty() &&
      (answer->body.data() < area.data() ||
       answer->body.data() + answer->body.size() > area.data() + area.size())) {
    std::abort();
  }
  return 0;
}
