// The hyperparameters each of which turns a distribution on (section 3 of docs/contract.md).
#pragma once

#include <span>
#include <string_view>

namespace berth::contract {

std::span<const std::string_view> DistributionSwitches();

}  // namespace berth::contract
