#include "process/neuron.h"

#include <fmt/format.h>

#include <charconv>

#include "core/json.h"

namespace berth::process {

Result<int> NeuronCores(std::string_view json) {
  BERTH_ASSIGN(const json::Value devices, json::Parse(json));
  const json::Array* list = devices.AsArray();
  if (list == nullptr) {
    return Fail(fmt::format("an array of devices was expected, found {}", devices.TypeName()));
  }
  int cores = 0;
  for (const json::Value& device : *list) {
    const json::Object* members = device.AsObject();
    const json::Value* count = members != nullptr ? members->Find("nc_count") : nullptr;
    const json::Integer* number = count != nullptr ? count->AsInteger() : nullptr;
    if (number == nullptr) return Fail("a device without a whole number \"nc_count\"");
    int value = 0;
    const char* const end = number->digits.data() + number->digits.size();
    if (std::from_chars(number->digits.data(), end, value).ec != std::errc() || value < 0 ||
        value > 4096) {
      return Fail(fmt::format("a device with {} cores", number->digits));
    }
    cores += value;
  }
  return cores;
}

}  // namespace berth::process
