// How much CPU time the cgroup grants.
#pragma once

#include <optional>
#include <string_view>

namespace berth::process {

/// CPUs' worth of time per second that our cgroup and those above it allow, as far as they can be
/// seen: the least of them. cpu.max (v2), cpu.cfs_quota_us / cpu.cfs_period_us (v1). Nothing where
/// there is no limit.
std::optional<double> CpuQuota();

/// "200000 100000" is 2; "max 100000" and what cannot be read is nothing.
std::optional<double> ParseCpuMax(std::string_view text);

}  // namespace berth::process
