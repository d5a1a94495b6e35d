// Copies a directory of code.
#pragma once

#include <filesystem>

#include "core/error.h"

namespace berth::usercode {

/// Copies what `from` holds into the directory `to`: content, modes less set-id, times. A relative
/// link that stays in `from` is copied as a link, any other as what it leads to, so that the copy
/// is whole wherever it goes. With a warning: a link that leads nowhere is copied as it is, and
/// sockets, FIFOs and devices are left out. Fails where `to` lies in what is copied. What was
/// copied until an error is left to the caller.
[[nodiscard]] Result<void> CopyTree(const std::filesystem::path& from,
                                    const std::filesystem::path& to);

/// The same for one file, to the path `to`.
[[nodiscard]] Result<void> CopyOneFile(const std::filesystem::path& from,
                                       const std::filesystem::path& to);

}  // namespace berth::usercode
