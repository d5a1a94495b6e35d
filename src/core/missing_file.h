// What to say of a file of the user's that is not where it should be.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace berth {

/// The end of a sentence that says that `name` is not in `folder`: "; did you mean "x"? Files found
/// there: "x", "y" and 3 more". Hidden files and Python's caches are not told. Empty where there
/// are no files at all.
std::string InsteadOfMissing(const std::filesystem::path& folder, std::string_view name);

}  // namespace berth
