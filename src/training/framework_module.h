// SAGEMAKER_TRAINING_MODULE=package.module:function: a framework container's own main function.
//
// Section 2, "Framework module", of docs/contract.md. The function runs in a Python child; a small
// piece of Python around it tells how it ended.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"

namespace berth::training {

struct FrameworkModule {
  std::string module;
  std::string function;
};

/// "package.module:function"; the error says what is wrong with it.
[[nodiscard]] Result<FrameworkModule> ParseFrameworkModule(const std::string& text);

/// The argv that imports the module and calls the function. What it raised is written to `report`:
/// the message of a client error, or "framework error: " and the traceback. Its exit code is the
/// exception's errno where that is a number from 1 to 255, else 1; SystemExit keeps its code.
std::vector<std::string> FrameworkCommand(const std::string& python, const FrameworkModule& module,
                                          const std::filesystem::path& report);

}  // namespace berth::training
