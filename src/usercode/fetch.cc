#include <fmt/format.h>

#include <array>
#include <fstream>
#include <string>
#include <system_error>

#include "core/files.h"
#include "core/log.h"
#include "core/text.h"
#include "storage/archive.h"
#include "storage/uri.h"
#include "usercode/copy_tree.h"
#include "usercode/fetch_s3.h"
#include "usercode/is_archive.h"
#include "usercode/usercode.h"

namespace berth::usercode {
namespace fs = std::filesystem;
namespace {

Result<void> FetchFrom(const fs::path& from, const fs::path& code,
                       const process::Variables& variables) {
  std::error_code error;
  const fs::file_status status = fs::status(from, error);
  if (status.type() == fs::file_type::not_found) {
    return Fail(
        "there is no such file or directory; set sagemaker_submit_directory to the "
        "directory or .tar.gz that holds the entry point");
  }
  if (error) return Fail(error.message(), error.value());
  if (fs::is_directory(status)) return CopyTree(from, code);
  if (!fs::is_regular_file(status)) return Fail("it is neither a directory nor a file");
  std::array<char, kArchiveHead> head{};
  std::ifstream(from, std::ios::binary).read(head.data(), head.size());
  if (!IsArchive(from.filename().string(), {head.data(), head.size()}))
    return CopyOneFile(from, code / from.filename());
  BERTH_ASSIGN(const auto limits, storage::ExtractLimits::FromEnvironment(variables));
  if (auto done = storage::ExtractTarGzFile(from, code, limits); !done) return Fail(done.error());
  return {};
}

}  // namespace

Result<void> Fetch(const Source& source, const S3Access& access) {
  const fs::path& code = source.code_directory;
  const std::string& from = source.submit_directory;
  BERTH_TRY(MakeDirectories(code));
  std::error_code error;
  if (from.empty() || fs::equivalent(from, code, error)) return {};
  const bool empty = fs::is_empty(code, error);
  if (error)
    return Fail(Error::System(error.value(), fmt::format("cannot read \"{}\"", code.string())));
  if (!empty) {
    log::Info("usercode", "\"{}\" is not empty: using the code in it, not that of {}",
              code.string(), Quoted(from));
    return {};
  }

  const std::string what = fmt::format("cannot fetch the code from {}", Quoted(from));
  const bool s3 = storage::IsS3(from);
  if (!s3 && from.find("://") != std::string::npos) {
    return Fail(what +
                ": it must be s3://bucket/key, a local directory, a .tar.gz or a single file");
  }
  if (auto fetched = s3 ? FetchFromS3(from, code, access) : FetchFrom(from, code, access.variables);
      !fetched) {
    RemoveContent(code);
    return Fail(fetched.error().Within(what));
  }
  log::Info("usercode", "the code of {} is in \"{}\"", Quoted(from), code.string());
  return {};
}

}  // namespace berth::usercode
