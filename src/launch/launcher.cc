// Which launcher, by the switches among the hyperparameters and the instance groups.
#include "launch/launcher.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>

#include "core/log.h"
#include "core/text.h"
#include "launch/launchers.h"
#include "launch/settings.h"

namespace berth::launch {
namespace {

constexpr std::string_view kRoom = "launch";
constexpr std::chrono::seconds kPythonDeadline{60};

using Make = MadeLauncher (*)(Surroundings, std::vector<std::string>);

struct Switch {
  std::string_view name;
  std::string_view launcher;
  Make make;
};

/// In the order in which SageMaker's own TensorFlow and PyTorch containers look at them.
constexpr std::array kSwitches = std::to_array<Switch>({
    {"sagemaker_parameter_server_enabled", "parameter servers", MakeParameterServer},
    {"sagemaker_mpi_enabled", "MPI", MakeMpi},
    {"sagemaker_pytorch_ddp_enabled", "SMDDP", MakeSmddp},
    {"sagemaker_torch_distributed_enabled", "torchrun", MakeTorchrun},
    {"sagemaker_distributed_dataparallel_enabled", "SMDDP", MakeSmddp},
    {"sagemaker_pytorch_xla_multi_worker_enabled", "XLA", MakeXla},
    {"sagemaker_multi_worker_mirrored_strategy_enabled", "MultiWorkerMirroredStrategy",
     MakeMultiWorkerMirrored},
});

/// The switch that decides; nothing where none is on.
Result<const Switch*> Decide(const contract::TrainingEnvironment& environment) {
  std::vector<const Switch*> on;
  for (const Switch& one : kSwitches) {
    BERTH_ASSIGN(const bool switched, SwitchedOn(environment, one.name));
    if (!switched) continue;
    // With one host there is nobody to serve parameters to.
    if (one.make == MakeParameterServer && environment.hosts.size() < 2) {
      log::Info(kRoom, "{} is on, and the job has one host: no parameter servers", one.name);
      continue;
    }
    on.push_back(&one);
  }
  if (on.empty()) return nullptr;
  if (on.size() > 1) {
    std::vector<std::string> names;
    names.reserve(on.size());
    for (const Switch* one : on) names.emplace_back(one->name);
    log::Warning(kRoom,
                 "several launchers are switched on ({}): it will be {}, which is the first "
                 "in the order of SageMaker's own containers",
                 Join(names, ", "), on.front()->launcher);
  }
  return on.front();
}

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

std::vector<std::string> GroupNames(const contract::TrainingEnvironment& environment) {
  std::vector<std::string> names;
  names.reserve(environment.instance_groups.size());
  for (const contract::InstanceGroup& group : environment.instance_groups) {
    names.push_back(group.name);
  }
  return names;
}

Result<void> CheckGroups(const contract::TrainingEnvironment& environment) {
  const std::vector<std::string> groups = GroupNames(environment);
  if (groups.empty()) return {};
  for (const std::string& name : environment.distribution_instance_groups) {
    if (Contains(groups, name)) continue;
    const auto meant = Nearest(name, groups);
    return Fail(
        fmt::format("the distribution names the instance group {}, and the job's groups are "
                    "{}{}: set sagemaker_distribution_instance_groups to some of them",
                    Quoted(name), Join(groups, ", "),
                    meant ? fmt::format(" (did you mean {}?)", Quoted(*meant)) : ""));
  }
  return {};
}

/// Host names become parts of command lines, of lists and of ssh's files.
bool IsHostName(std::string_view name) {
  return !name.empty() && name.size() <= 253 && name.front() != '-' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '-' || c == '_';
         });
}

Result<void> CheckHosts(const contract::TrainingEnvironment& environment) {
  const std::vector<std::string>& hosts = environment.distribution_hosts;
  const std::string& file = environment.layout.resource_config_file;
  for (const std::string& host : hosts) {
    if (!IsHostName(host)) {
      return Fail(fmt::format("\"{}\" names a host {}, which is no host name", file, Quoted(host)));
    }
    if (std::ranges::count(hosts, host) > 1) {
      return Fail(fmt::format("\"{}\" has the host {} twice in the groups of the distribution",
                              file, Quoted(host)));
    }
    if (!Contains(environment.hosts, host)) {
      return Fail(
          fmt::format("\"{}\" has the host {} in a group of the distribution, and not among "
                      "the job's hosts ({})",
                      file, Quoted(host), Join(environment.hosts, ", ")));
    }
  }
  if (!Contains(hosts, environment.current_host)) {
    return Fail(fmt::format(
        "\"{}\" says that this host is {} of the group {}, and that group's "
        "hosts are {}",
        file, Quoted(environment.current_host), Quoted(environment.current_instance_group),
        hosts.empty() ? "none" : Join(hosts, ", ")));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Launcher>> ChooseLauncher(Surroundings surroundings) {
  const contract::TrainingEnvironment& environment = surroundings.environment;
  BERTH_ASSIGN(const Switch* decided, Decide(environment));
  if (decided == nullptr) return MakeSingle(std::move(surroundings));
  BERTH_TRY(CheckGroups(environment));
  if (!Contains(environment.distribution_instance_groups, environment.current_instance_group)) {
    log::Info(kRoom,
              "{} runs in the instance group(s) {}, and this host is in {}: here the script "
              "runs alone",
              decided->launcher, Join(environment.distribution_instance_groups, ", "),
              Quoted(environment.current_instance_group));
    return MakeSingle(std::move(surroundings));
  }
  BERTH_TRY(CheckHosts(environment));
  std::vector<std::string> hosts = environment.distribution_hosts;
  log::Info(kRoom, "{} ({}) on {} host(s), master {}", decided->launcher, decided->name,
            hosts.size(), hosts.front());
  return decided->make(std::move(surroundings), std::move(hosts));
}

std::vector<std::string> DistributedHosts(const contract::TrainingEnvironment& environment) {
  const bool on = std::ranges::any_of(kSwitches, [&](const Switch& one) {
    return SwitchedOn(environment, one.name).value_or(false);
  });
  const std::vector<std::string>& hosts = environment.distribution_hosts;
  if (!on || hosts.size() < 2 || !Contains(hosts, environment.current_host) ||
      !Contains(environment.distribution_instance_groups, environment.current_instance_group)) {
    return {};
  }
  return hosts;
}

Result<std::string> NewRankSocket() {
  std::array<uint64_t, 2> random{};
  if (::getrandom(random.data(), sizeof random, 0) != static_cast<ssize_t>(sizeof random)) {
    return FailErrno("cannot get random bytes");
  }
  return fmt::format("berth-ranks-{:016x}{:016x}", random[0], random[1]);
}

bool PythonHasModule(const Surroundings& surroundings, const std::string& python,
                     const std::string& module) {
  const std::string code =
      "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)";
  const auto outcome = process::Capture({{python, "-c", code, module},
                                         surroundings.command.variables,
                                         surroundings.command.directory},
                                        kPythonDeadline);
  return outcome && outcome->ok();
}

void SetDefault(process::Variables* variables, const std::string& name, std::string value) {
  std::string& now = (*variables)[name];
  if (now.empty()) now = std::move(value);
}

}  // namespace berth::launch
