// What AWS's neuron-ls says.
#pragma once

#include <string_view>

#include "core/error.h"

namespace berth::process {

/// The sum of nc_count over the devices in the output of `neuron-ls -j`: an array of objects.
[[nodiscard]] Result<int> NeuronCores(std::string_view json);

}  // namespace berth::process
