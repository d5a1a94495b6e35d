// The files of an endpoint: its model and its code, looked at before anything is started.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/error.h"

namespace berth::platform {

struct EndpointFiles {
  std::string named;               // the model as the user wrote it, for messages
  std::filesystem::path model{};   // absolute: a folder, or an archive
  bool packed = false;             // an archive
  std::filesystem::path source{};  // a folder; empty: the code is the model's
};

/// Finds them; relative paths begin at `working_directory`, which is absolute. An error says what
/// is not there, or not of the right kind.
[[nodiscard]] Result<EndpointFiles> FindEndpointFiles(
    const std::string& model, const std::string& source,
    const std::filesystem::path& working_directory);

/// Fails, with what is there, where the handler's file `program` is not in the code. `model` is the
/// folder, unpacked.
[[nodiscard]] Result<void> CheckHandler(const EndpointFiles& files,
                                        const std::filesystem::path& model,
                                        const std::string& program);

}  // namespace berth::platform
