#include "platform/artifacts.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "contract/layout.h"
#include "core/descriptor.h"
#include "core/files.h"
#include "core/text.h"
#include "platform/merge_trees.h"
#include "storage/archive.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFailureCharacters = 1024;

/// The archive is made in scratch, so that a job that is killed leaves none.
Result<std::vector<std::string>> Pack(const fs::path& folder, const fs::path& archive,
                                      const fs::path& tree) {
  const fs::path draft = tree.parent_path() / archive.filename();
  BERTH_ASSIGN(storage::CreateReport report, storage::CreateTarGz(folder, draft));
  if (::rename(draft.c_str(), archive.c_str()) != 0) {
    return FailErrno(fmt::format("cannot write \"{}\"", archive.string()));
  }
  return std::move(report.warnings);
}

}  // namespace

std::string ReadFailure(const fs::path& tree) {
  const contract::Layout layout = contract::Layout::Under(tree.string());
  // The job may have put anything in its place: only a file is read, and no FIFO waited for.
  const Descriptor file(
      ::open(layout.failure.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  struct stat about;
  if (!file || ::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode)) return "";
  std::string bytes(kFailureCharacters * 4, '\0');  // a character has at most four bytes
  size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t n = ::read(file.get(), bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    size += static_cast<size_t>(n);
  }
  bytes.resize(size);
  std::string text = ToValidUtf8(bytes);
  size_t characters = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool starts = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (starts && ++characters > kFailureCharacters) {
      text.resize(i);
      break;
    }
  }
  return std::string(Trim(text));
}

Result<std::vector<std::string>> MergeTrees(const std::vector<Host>& hosts,
                                            const std::vector<fs::path>& trees,
                                            std::optional<size_t> culprit) {
  std::vector<HostFolder> models;
  std::vector<HostFolder> outputs;
  for (size_t i = 0; i < trees.size(); ++i) {
    const contract::Layout layout = contract::Layout::Under(trees[i].string());
    models.push_back({hosts[i].name, layout.model});
    outputs.push_back({hosts[i].name, layout.output});
    // Hosts that were stopped because of another may tell of that, too: it is no reason.
    if (i != culprit) ::unlink(layout.failure.c_str());
  }
  BERTH_ASSIGN(std::vector<std::string> warnings, MergeFolders(models));
  for (std::string& warning : warnings) warning.insert(0, "the model: ");
  BERTH_ASSIGN(std::vector<std::string> more, MergeFolders(outputs));
  for (const std::string& warning : more) warnings.push_back("the output: " + warning);
  return warnings;
}

Result<std::vector<std::string>> PackOutput(const fs::path& tree, const fs::path& root) {
  const contract::Layout layout = contract::Layout::Under(tree.string());
  struct stat about;
  if (::lstat(layout.output_intermediate.c_str(), &about) == 0 && S_ISDIR(about.st_mode)) {
    const fs::path place = root / "intermediate";
    if (::rename(layout.output_intermediate.c_str(), place.c_str()) != 0) {
      return FailErrno(
          fmt::format("cannot move the intermediate output to \"{}\"", place.string()));
    }
  }
  return Pack(layout.output, root / "output.tar.gz", tree);
}

Result<void> KeepModel(const fs::path& tree, const fs::path& root) {
  const contract::Layout layout = contract::Layout::Under(tree.string());
  const fs::path place = root / "model";
  // Where the job removed it there is nothing to keep.
  BERTH_TRY(MakeDirectories(layout.model));
  if (::rename(layout.model.c_str(), place.c_str()) == 0) return {};
  return FailErrno(fmt::format("cannot move the model to \"{}\"", place.string()));
}

Result<std::vector<std::string>> PackModel(const fs::path& tree, const fs::path& root) {
  const contract::Layout layout = contract::Layout::Under(tree.string());
  return Pack(layout.model, root / "model.tar.gz", tree);
}

}  // namespace berth::platform
