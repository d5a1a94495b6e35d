#include "launch/mpi_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/text.h"

namespace berth::launch {
namespace {

/// How many values an option takes, where it is not "one, if a word without dash follows".
struct Arity {
  std::string_view name;
  size_t values;
};

constexpr std::array kOpenMpi = std::to_array<Arity>({
    {"mca", 2},
    {"gmca", 2},
    {"omca", 2},
    {"gomca", 2},
    {"pmixmca", 2},
    {"gpmixmca", 2},
    {"prtemca", 2},
    {"gprtemca", 2},
    {"allow-run-as-root", 0},
    {"oversubscribe", 0},
    {"nooversubscribe", 0},
    {"tag-output", 0},
    {"timestamp-output", 0},
    {"display-map", 0},
    {"display-allocation", 0},
    {"report-bindings", 0},
    {"verbose", 0},
    {"v", 0},
    {"quiet", 0},
    {"q", 0},
    {"bynode", 0},
    {"byslot", 0},
    {"nolocal", 0},
    {"novm", 0},
    {"bind-to-core", 0},
    {"bind-to-socket", 0},
    {"bind-to-none", 0},
    {"enable-recovery", 0},
    {"disable-recovery", 0},
    {"continuous", 0},
    {"use-hwthread-cpus", 0},
    {"d", 0},
    {"xml", 0},
    {"x", 1},
    {"np", 1},
    {"n", 1},
});

constexpr std::array kHydra = std::to_array<Arity>({
    {"genv", 2},
    {"env", 2},
    {"genvall", 0},
    {"genvnone", 0},
    {"envall", 0},
    {"envnone", 0},
    {"verbose", 0},
    {"v", 0},
    {"info", 0},
    {"prepend-rank", 0},
    {"l", 0},
    {"print-all-exitcodes", 0},
    {"nolocal", 0},
    {"rr", 0},
    {"disable-auto-cleanup", 0},
    {"np", 1},
    {"n", 1},
    {"x", 1},
});

/// Options that end in as many words as stand above.
std::optional<size_t> KnownArity(MpiKind kind, std::string_view name) {
  const auto in = [&](const auto& table) -> std::optional<size_t> {
    const auto found = std::ranges::find(table, name, &Arity::name);
    if (found == table.end()) return std::nullopt;
    return found->values;
  };
  return kind == MpiKind::kOpenMpi ? in(kOpenMpi) : in(kHydra);
}

bool IsMca(std::string_view name) {
  return name.ends_with("mca");
}

bool IsOption(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && (word[1] < '0' || word[1] > '9');
}

/// `option` as it is spelled for `kind`: Open MPI 5 knows long options with two dashes only, but
/// for -np and the -mca family, which both versions know with one.
std::string Spelled(MpiKind kind, const std::string& word, std::string_view name) {
  if (kind != MpiKind::kOpenMpi || word.starts_with("--")) return word;
  if (name.size() < 2 || name == "np" || IsMca(name)) return word;
  return "-" + word;
}

}  // namespace

void MpiOptions::Add(Option option) {
  // What makes two options the same: the MCA parameter or the variable, else the name.
  const auto key = [](const Option& o) {
    if (IsMca(o.name) || o.name == "genv" || o.name == "env") return o.words[1];
    if (o.name == "x") return o.words[1].substr(0, o.words[1].find('='));
    return std::string();
  };
  const auto same = [&](const Option& o) {
    if (IsMca(o.name) && IsMca(option.name)) return key(o) == key(option);
    return o.name == option.name && key(o) == key(option);
  };
  std::erase_if(options_, same);
  options_.push_back(std::move(option));
}

Result<MpiOptions> MpiOptions::Parse(const std::vector<std::string>& words, MpiKind kind,
                                     std::string_view setting) {
  MpiOptions options;
  for (size_t i = 0; i < words.size();) {
    const std::string& word = words[i++];
    if (!IsOption(word)) {
      return Fail(
          fmt::format("{}: {} is neither an option nor an option's value, so mpirun would "
                      "take it for the program to run",
                      setting, Quoted(word)));
    }
    const std::string name = word.substr(word.starts_with("--") ? 2 : 1);
    if (name == "NCCL_DEBUG" && i < words.size()) {
      options.nccl_debug_ = words[i++];
      continue;
    }
    if (name.starts_with("NCCL_DEBUG=")) {
      options.nccl_debug_ = name.substr(name.find('=') + 1);
      continue;
    }
    const auto known = KnownArity(kind, name);
    const size_t guessed = i < words.size() && !IsOption(words[i]) ? 1 : 0;
    const size_t values = name.contains('=') ? 0 : known.value_or(guessed);
    if (words.size() - i < values) {
      return Fail(fmt::format("{}: {} needs {} after it", setting, Quoted(word),
                              values == 1 ? "a value" : "two values"));
    }
    Option option{.name = name.substr(0, name.find('=')), .words = {Spelled(kind, word, name)}};
    option.words.insert(option.words.end(), words.begin() + static_cast<ptrdiff_t>(i),
                        words.begin() + static_cast<ptrdiff_t>(i + values));
    i += values;
    if (kind != MpiKind::kOpenMpi) {
      if (IsMca(name)) {
        return Fail(
            fmt::format("{}: {} is an option of Open MPI, and the image's mpirun is another "
                        "(MPICH or Intel MPI): leave it out",
                        setting, Quoted(word)));
      }
      if (name == "x") {
        const std::string& variable = option.words[1];
        const size_t equals = variable.find('=');
        // Without a value: Hydra passes all variables on anyway.
        if (equals == std::string::npos) continue;
        option = {.name = "genv",
                  .words = {"-genv", variable.substr(0, equals), variable.substr(equals + 1)}};
      }
    }
    options.Add(std::move(option));
  }
  return options;
}

bool MpiOptions::Has(std::initializer_list<std::string_view> names) const {
  return std::ranges::any_of(options_, [&](const Option& option) {
    return std::ranges::find(names, option.name) != names.end();
  });
}

std::optional<std::string> MpiOptions::ValueOf(
    std::initializer_list<std::string_view> names) const {
  for (const Option& option : options_) {
    if (std::ranges::find(names, option.name) == names.end()) continue;
    if (option.words.size() > 1) return option.words[1];
    const size_t equals = option.words[0].find('=');
    if (equals != std::string::npos) return option.words[0].substr(equals + 1);
  }
  return std::nullopt;
}

bool MpiOptions::HasMca(std::string_view name) const {
  return std::ranges::any_of(options_, [&](const Option& option) {
    return IsMca(option.name) && option.words.size() > 1 && option.words[1] == name;
  });
}

std::vector<std::string> MpiOptions::SetVariables() const {
  std::vector<std::string> names;
  for (const Option& option : options_) {
    if (option.name == "genv" || option.name == "env") names.push_back(option.words[1]);
    if (option.name != "x") continue;
    const size_t equals = option.words[1].find('=');
    if (equals != std::string::npos) names.push_back(option.words[1].substr(0, equals));
  }
  return names;
}

std::vector<std::string> MpiOptions::words() const {
  std::vector<std::string> words;
  for (const Option& option : options_) {
    words.insert(words.end(), option.words.begin(), option.words.end());
  }
  return words;
}

}  // namespace berth::launch
