// The marks a job leaves for the platform: output/success or output/failure.
#pragma once

#include <string>

#include "contract/layout.h"

namespace berth::training {

/// True where the script wrote output/failure itself; then it is its word that counts.
bool ScriptReportedFailure(const contract::Layout& layout);

/// Removes what an earlier run in the same folders left, so that its end is not taken for ours.
void ClearReports(const contract::Layout& layout);

/// Write the mark. What cannot be written (a full disk, a read-only mount) is logged and changes
/// nothing: the exit code was settled before.
void ReportSuccess(const contract::Layout& layout);
void ReportFailure(const contract::Layout& layout, const std::string& text);

}  // namespace berth::training
