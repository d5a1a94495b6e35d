// Extraction of arbitrary bytes: nothing outside the tree changes, nothing in it leads out, and a
// failure leaves nothing.
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/files.h"
#include "storage/archive.h"

namespace {

namespace fs = std::filesystem;
using berth::Result;
using berth::TemporaryDirectory;

constexpr std::string_view kUntouched = "untouched";

void Require(bool promise, const char* what) {
  if (promise) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

/// The folder with a victim beside the tree, in memory where there is a place for that.
const fs::path& Home() {
  static const std::unique_ptr<TemporaryDirectory> home = [] {
    if (fs::is_directory("/dev/shm")) ::setenv("TMPDIR", "/dev/shm", 0);
    auto made = TemporaryDirectory::Make("berth-extract-fuzz");
    Require(made.has_value() && berth::WriteFile(made->path() / "victim", kUntouched, 0600),
            "a place to work in");
    return std::make_unique<TemporaryDirectory>(std::move(*made));
  }();
  return home->path();
}

/// Mutation breaks headers' checksums: mended, so that more than the check is tried.
std::string WithChecksums(std::string bytes) {
  constexpr size_t kBlock = 512, kChecksum = 148, kMagic = 257;
  for (size_t at = 0; at + kBlock <= bytes.size(); at += kBlock) {
    if (bytes.compare(at + kMagic, 5, "ustar") != 0) continue;
    std::memset(bytes.data() + at + kChecksum, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(bytes[at + i]);
    std::snprintf(bytes.data() + at + kChecksum, 7, "%06o", sum);
  }
  return bytes;
}

void CheckTree(const fs::path& tree) {
  for (const auto& entry : fs::recursive_directory_iterator(tree)) {
    struct stat about;
    Require(::lstat(entry.path().c_str(), &about) == 0, "an entry can be looked at");
    if (S_ISLNK(about.st_mode)) {
      // Links may go round in circles, which is an error here and no way out.
      std::error_code circle;
      const fs::path target = fs::weakly_canonical(entry.path(), circle);
      if (circle) continue;
      const fs::path relative = target.lexically_relative(tree);
      Require(!relative.empty() && *relative.begin() != "..", "links stay in the tree");
      continue;
    }
    Require(S_ISREG(about.st_mode) || S_ISDIR(about.st_mode), "no special files");
    Require((about.st_mode & (S_ISUID | S_ISGID | S_ISVTX | S_IWOTH)) == 0, "modes are tame");
  }
}

void CheckOutside(const fs::path& tree) {
  size_t names = 0;
  for (const auto& entry : fs::directory_iterator(Home())) {
    ++names;
    Require(entry.path() == tree || entry.path() == Home() / "victim", "nothing beside the tree");
  }
  Require(names == (fs::exists(tree) ? 2u : 1u), "the victim is there");
  struct stat about;
  Require(::lstat((Home() / "victim").c_str(), &about) == 0 && about.st_nlink == 1 &&
              (about.st_mode & 07777) == 0600 &&
              berth::ReadFile(Home() / "victim").value_or("") == kUntouched,
          "the victim is untouched");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes = WithChecksums({reinterpret_cast<const char*>(data), size});
  size_t at = 0;
  const berth::storage::ByteSource source = [&](std::span<char> buffer) -> Result<size_t> {
    const size_t n = std::min<size_t>({buffer.size(), bytes.size() - at, 700});
    std::memcpy(buffer.data(), bytes.data() + at, n);
    at += n;
    return n;
  };
  const fs::path tree = Home() / "tree";
  const auto done =
      berth::storage::ExtractTarGz(source, tree, {.max_entries = 100, .max_bytes = 1 << 20});
  if (done) {
    CheckTree(tree);
  } else {
    Require(!fs::exists(tree), "a failure leaves nothing");
    Require(!done.error().message().empty(), "a failure says why");
  }
  CheckOutside(tree);
  if (done) {
    for (const auto& entry :
         fs::recursive_directory_iterator(tree, fs::directory_options::skip_permission_denied)) {
      if (entry.is_directory() && !entry.is_symlink()) {
        fs::permissions(entry.path(), fs::perms::owner_all);
      }
    }
    fs::remove_all(tree);
  }
  return 0;
}
