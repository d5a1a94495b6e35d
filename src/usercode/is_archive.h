// Whether a file is an archive of code or the code itself.
#pragma once

#include <cstddef>
#include <string_view>

namespace berth::usercode {

/// So much of the beginning of a file tells.
inline constexpr size_t kArchiveHead = 262;

/// By its content, as the reference; by its name too, so that a damaged one is told to be one.
/// `head` is the first kArchiveHead bytes, or what there is.
bool IsArchive(std::string_view name, std::string_view head);

}  // namespace berth::usercode
