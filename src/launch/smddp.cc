// SageMaker's distributed data parallel library: mpirun, its variables, and `smddprun` around each
// rank where the image has it.
#include <utility>

#include "core/log.h"
#include "launch/mpi.h"
#include "launch/settings.h"

namespace berth::launch {
namespace {

constexpr int kServerPort = 7592;

}  // namespace

MadeLauncher MakeSmddp(Surroundings surroundings, std::vector<std::string> hosts) {
  const contract::TrainingEnvironment& environment = surroundings.environment;
  MpiFlavor flavor{.name = "smddp",
                   .options_parameter = "sagemaker_distributed_dataparallel_custom_mpi_options",
                   .processes = {},
                   .unbound = false,
                   .oversubscribe = true,
                   .hosts_at_once = hosts.size(),
                   .defaults = {{"RDMAV_FORK_SAFE", "1"}},
                   .wrapper = {}};
  if (hosts.size() > 1) {
    BERTH_ASSIGN(const auto given, Text(environment, "sagemaker_instance_type"));
    flavor.defaults["SMDATAPARALLEL_USE_HOMOGENEOUS"] = "1";
    flavor.defaults["SMDATAPARALLEL_SERVER_ADDR"] = hosts.front();
    flavor.defaults["SMDATAPARALLEL_SERVER_PORT"] = std::to_string(kServerPort);
    flavor.defaults["SAGEMAKER_INSTANCE_TYPE"] = given.value_or(environment.current_instance_type);
  } else {
    flavor.defaults["SMDATAPARALLEL_USE_SINGLENODE"] = "1";
  }
  if (environment.smddprun_installed) {
    flavor.wrapper = {"smddprun"};
  } else {
    log::Warning("launch",
                 "SMDDP is switched on and there is no `smddprun` on the PATH: ranks run "
                 "without it");
  }
  return MakeMpiLike(std::move(surroundings), std::move(hosts), std::move(flavor));
}

}  // namespace berth::launch
