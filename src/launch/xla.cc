// PyTorch/XLA on GPUs: SageMaker's xla_spawn starts a process for each GPU by itself.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "core/text.h"
#include "launch/launchers.h"
#include "launch/network.h"

namespace berth::launch {
namespace {

constexpr int kMeshServicePort = 53957;
constexpr int kWorkerPort = 43857;

class Xla : public Launcher {
 public:
  Xla(Surroundings surroundings, std::vector<std::string> hosts)
      : Launcher(std::move(hosts)), surroundings_(std::move(surroundings)) {}

  Result<void> Check() {
    if (surroundings_.environment.gpus < 1) {
      return Fail(
          "PyTorch/XLA (sagemaker_pytorch_xla_multi_worker_enabled) needs GPUs, and this "
          "host has none: choose an instance type with GPUs, or switch it off");
    }
    const std::vector<std::string>& argv = surroundings_.command.argv;
    if (surroundings_.python.empty() || argv.size() < 2 || argv[1] == "-m") {
      return Fail(
          "PyTorch/XLA (sagemaker_pytorch_xla_multi_worker_enabled) runs only a Python "
          "file: set sagemaker_program to one, such as \"train.py\", and put no setup.py "
          "beside it");
    }
    for (const char* module : {"torch_xla", "torch_xla.distributed.xla_spawn"}) {
      if (PythonHasModule(surroundings_, surroundings_.python, module)) continue;
      return Fail(
          fmt::format("{} has no module {}, which PyTorch/XLA "
                      "(sagemaker_pytorch_xla_multi_worker_enabled) needs: use an image of "
                      "the SageMaker Training Compiler",
                      surroundings_.python, module));
    }
    network_ = ProbeNetwork(surroundings_);
    return {};
  }

  std::string_view name() const override { return "xla"; }

  Result<Plan> MakePlan(const Facts& /*facts*/) override {
    const std::string gpus = std::to_string(surroundings_.environment.gpus);
    Plan plan;
    plan.command = surroundings_.command;
    plan.several = true;
    plan.command.argv.insert(plan.command.argv.begin() + 1,
                             {"-m", "torch_xla.distributed.xla_spawn", "--num_gpus", gpus});
    process::Variables& variables = plan.command.variables;
    for (const auto& [name, value] : network_.variables) SetDefault(&variables, name, value);
    SetDefault(&variables, "NCCL_DEBUG", "info");
    SetDefault(&variables, "NCCL_PROTO", "simple");
    SetDefault(&variables, "OFI_NCCL_NIC_DUP_CONNS", gpus);
    std::vector<std::string> workers;
    workers.reserve(hosts().size());
    for (size_t i = 0; i < hosts().size(); ++i) {
      workers.push_back(fmt::format("localservice:{};{}:{}", i, hosts()[i], kWorkerPort));
    }
    const auto here = std::ranges::find(hosts(), surroundings_.environment.current_host);
    variables["XRT_HOST_ORDINAL"] = std::to_string(here - hosts().begin());
    variables["XRT_SHARD_WORLD_SIZE"] = std::to_string(hosts().size());
    variables["XRT_WORKERS"] = Join(workers, "|");
    variables["GPU_NUM_DEVICES"] = gpus;
    if (hosts().size() > 1) {
      variables["XRT_MESH_SERVICE_ADDRESS"] = fmt::format("{}:{}", master(), kMeshServicePort);
    }
    return plan;
  }

 private:
  const Surroundings surroundings_;
  Network network_;
};

}  // namespace

MadeLauncher MakeXla(Surroundings surroundings, std::vector<std::string> hosts) {
  auto launcher = std::make_unique<Xla>(std::move(surroundings), std::move(hosts));
  BERTH_TRY(launcher->Check());
  return launcher;
}

}  // namespace berth::launch
