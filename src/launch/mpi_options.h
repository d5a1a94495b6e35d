// mpirun's options: the user's, taken apart, and ours, of which those go that the user sets as
// well.
//
// They must not meet on one command line: the same MCA parameter twice is an error in Open MPI 4
// and 5, the last of two `-x` wins in 4 and the first in 5, and any option twice is an error in
// Hydra.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "launch/mpi_version.h"

namespace berth::launch {

class MpiOptions {
 public:
  /// The user's, in words. What is wrong is one message that begins with `setting`. Of an `-x`, a
  /// `-genv` or an MCA parameter that comes twice the last counts, as of all options of one value.
  /// Spelled as the MPI wants them: `-bind-to none` becomes `--bind-to none`, which Open MPI 5 asks
  /// for; for Hydra `-x A=B` becomes `-genv A B`.
  [[nodiscard]] static Result<MpiOptions> Parse(const std::vector<std::string>& words, MpiKind kind,
                                                std::string_view setting);

  /// Whether one of these options is among them; names without dashes.
  bool Has(std::initializer_list<std::string_view> names) const;
  /// The value of the first of these options that is there.
  std::optional<std::string> ValueOf(std::initializer_list<std::string_view> names) const;
  /// Whether an MCA parameter is set.
  bool HasMca(std::string_view name) const;
  /// Names of variables that get a value here (`-x A=B`, `-genv A B`).
  std::vector<std::string> SetVariables() const;
  /// NCCL_DEBUG, from the option --NCCL_DEBUG that the reference invented; no part of words().
  const std::optional<std::string>& nccl_debug() const { return nccl_debug_; }

  std::vector<std::string> words() const;

 private:
  struct Option {
    std::string name;  // without dashes
    std::vector<std::string> words;
  };

  void Add(Option option);

  std::vector<Option> options_;
  std::optional<std::string> nccl_debug_;
};

}  // namespace berth::launch
