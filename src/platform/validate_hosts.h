// What is wrong with a request's hosts: ResourceConfig, and all that names its instance groups.
#pragma once

#include "core/json.h"
#include "platform/checker.h"

namespace berth::platform {

/// Part of Validate(). The limits are the platform's, but for kMaxHosts.
void CheckHosts(const json::Object& document, Checker& check);

}  // namespace berth::platform
