// The launchers' settings: hyperparameters that begin with "sagemaker_", read with errors that name
// them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "contract/training_environment.h"
#include "core/error.h"
#include "process/supervisor.h"

namespace berth::launch {

/// A switch: true and false, numbers and null as Python's truth has them, and the words of any
/// case. Other text is an error: the reference takes "False" for on.
[[nodiscard]] Result<bool> SwitchedOn(const contract::TrainingEnvironment& environment,
                                      std::string_view name);

/// A whole number of at least 1; nothing where it is missing or null.
[[nodiscard]] Result<std::optional<int>> PositiveNumber(
    const contract::TrainingEnvironment& environment, std::string_view name);

/// Text; nothing where it is missing, null or empty.
[[nodiscard]] Result<std::optional<std::string>> Text(
    const contract::TrainingEnvironment& environment, std::string_view name);

/// Command line options for a launcher: one text, split as a shell splits words (quotes and
/// backslashes; nothing is expanded), or an array with a word in each element.
[[nodiscard]] Result<std::vector<std::string>> Words(
    const contract::TrainingEnvironment& environment, std::string_view name);

/// As a POSIX shell splits a line into words, without expanding anything. Fails at a quote that is
/// not closed.
[[nodiscard]] Result<std::vector<std::string>> SplitWords(std::string_view text);

/// sagemaker_mpi_num_of_processes_per_host, else one for each GPU, else for each Neuron core, else
/// one. Also torchrun's and SMDDP's, as in the reference.
[[nodiscard]] Result<int> ProcessesPerHost(const contract::TrainingEnvironment& environment);

/// The variable's value; empty where it is not set.
std::string Variable(const process::Variables& variables, const std::string& name);

}  // namespace berth::launch
