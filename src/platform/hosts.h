// The hosts of a job, and which of them get which data. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/request.h"
#include "platform/shares.h"

namespace berth::platform {

/// More than these are no test of a job any more; a bridge of the kernel takes 1,023.
inline constexpr long long kMaxHosts = 128;

/// "algo-1".
std::string HostName(size_t number);

/// The hosts of these groups in the order of resourceconfig.json: sorted by name, byte by byte, as
/// the platform's documentation has it ("algo-1", "algo-10", "algo-2").
std::vector<Host> HostsOf(const std::vector<HostGroup>& groups);

/// Of those hosts, the ones that get a channel: their places in TrainingJob::hosts.
std::vector<size_t> HostsWith(const Channel& channel, const TrainingJob& job);

/// What of a channel the host at that place gets; nothing: no such channel there.
std::optional<Share> ShareOf(const Channel& channel, const TrainingJob& job, size_t host);

/// True where the platform brings the code, because the hosts cannot reach S3 themselves.
bool BringsCode(const TrainingJob& job);

/// Where the platform brings intermediate output, for the same reason; empty: nowhere.
std::string IntermediateUri(const TrainingJob& job);

/// True where a channel is a folder or file of this machine that hosts see as it is.
bool IsMounted(const Channel& channel);

/// "algo-1, algo-2 and 3 more".
std::string NamesText(const std::vector<std::string>& names);

}  // namespace berth::platform
