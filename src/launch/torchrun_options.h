// torchrun's options as the user gives them: as words, or as torchrun's own PET_* variables.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "process/supervisor.h"

namespace berth::launch {

class TorchrunOptions {
 public:
  /// `words` win over PET_<OPTION> in `variables`. The error begins with `setting`.
  [[nodiscard]] static Result<TorchrunOptions> Parse(const std::vector<std::string>& words,
                                                     const process::Variables& variables,
                                                     std::string_view setting);

  /// The option's value by its name with underscores ("rdzv_backend"), wherever it was given.
  std::optional<std::string> ValueOf(const std::string& name) const;
  bool Has(const std::string& name) const { return ValueOf(name).has_value(); }

  /// -m: the entry point is to be run as a module.
  bool module() const { return module_; }
  /// What goes on the command line: the words, less -m and --no_python, which are ours to say.
  const std::vector<std::string>& words() const { return words_; }
  /// Takes an option out of words(), to be given with another value.
  void Drop(const std::string& name);

 private:
  struct Given {
    std::string value;
    size_t first = 0, count = 0;  // among words_
  };

  std::vector<std::string> words_;
  std::map<std::string, Given> given_;
  std::map<std::string, std::string> variables_;
  bool module_ = false;
};

}  // namespace berth::launch
