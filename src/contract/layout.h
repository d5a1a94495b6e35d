// Where the platform and the container put things: the folders under /opt/ml.
#pragma once

#include <string>
#include <string_view>

namespace berth::contract {

inline constexpr std::string_view kDefaultBase = "/opt/ml";

/// Absolute paths below one base directory, without a trailing slash. Strings, not
/// filesystem::path: they become variables byte for byte.
struct Layout {
  std::string base;
  std::string code;
  std::string model;
  std::string input;
  std::string input_config;
  std::string input_data;
  std::string checkpoints;
  std::string output;
  std::string output_data;
  std::string output_intermediate;
  std::string failure;
  std::string success;
  std::string hyperparameters_file;
  std::string input_data_config_file;
  std::string resource_config_file;

  /// `base` is SAGEMAKER_BASE_DIR or kDefaultBase.
  static Layout Under(std::string_view base);
};

}  // namespace berth::contract
