#include "core/missing_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "core/files.h"
#include "core/text.h"

namespace berth {
namespace {

namespace fs = std::filesystem;

constexpr size_t kSearchedFiles = 10'000;
constexpr size_t kListedFiles = 20;

bool IsHidden(const std::string& path) {
  return path.starts_with('.') || path.find("/.") != std::string::npos ||
         path.find("__pycache__") != std::string::npos;
}

/// The file that was probably meant: of that name elsewhere, or of nearly that name.
std::optional<std::string> ProbablyMeant(std::string_view name,
                                         const std::vector<std::string>& files) {
  const fs::path wanted = fs::path(name).filename();
  for (const std::string& file : files) {
    if (fs::path(file).filename() == wanted) return file;
  }
  return Nearest(name, files);
}

}  // namespace

std::string InsteadOfMissing(const fs::path& folder, std::string_view name) {
  std::vector<std::string> files = ListFiles(folder, kSearchedFiles);
  std::erase_if(files, IsHidden);
  if (files.empty()) return {};
  const auto meant = ProbablyMeant(name, files);
  std::string text = meant ? fmt::format("; did you mean {}?", Quoted(*meant)) : ".";
  text += " Files found there: ";
  const size_t listed = std::min(files.size(), kListedFiles);
  for (size_t i = 0; i < listed; ++i) text += (i > 0 ? ", " : "") + Quoted(files[i]);
  if (listed < files.size()) text += fmt::format(" and {} more", files.size() - listed);
  return text;
}

}  // namespace berth
