// Inputs for this room's tests: a job of one host, to be changed by each test.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "contract/training_environment.h"

namespace berth::contract {

inline Inputs TestInputs() {
  const Layout layout = Layout::Under("/opt/ml");
  Inputs inputs{
      .layout = layout,
      .hyperparameters = {layout.hyperparameters_file, std::string("{}")},
      .input_data_config = {layout.input_data_config_file, std::string("{}")},
      .resource_config = {layout.resource_config_file,
                          std::string(R"({"current_host":"algo-1","hosts":["algo-1"]})")},
      .variables = {},
  };
  inputs.cpus = 4;
  return inputs;
}

inline Inputs WithHyperparameters(std::string text) {
  Inputs inputs = TestInputs();
  inputs.hyperparameters.bytes = std::move(text);
  return inputs;
}

inline Inputs WithResources(std::string text) {
  Inputs inputs = TestInputs();
  inputs.resource_config.bytes = std::move(text);
  return inputs;
}

inline TrainingEnvironment Environment(const Inputs& inputs) {
  Result<TrainingEnvironment> environment = ReadTrainingEnvironment(inputs);
  EXPECT_TRUE(environment) << (environment ? "" : environment.error().message());
  return environment ? *std::move(environment) : TrainingEnvironment{};
}

inline std::string ErrorOf(const Inputs& inputs) {
  const Result<TrainingEnvironment> environment = ReadTrainingEnvironment(inputs);
  return environment ? "no error" : environment.error().message();
}

}  // namespace berth::contract
