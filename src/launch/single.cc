// No launcher: the script itself, on each host for itself.
#include <memory>

#include "launch/launchers.h"

namespace berth::launch {
namespace {

class Single : public Launcher {
 public:
  explicit Single(Surroundings surroundings)
      : Launcher({surroundings.environment.current_host}), surroundings_(std::move(surroundings)) {}

  std::string_view name() const override { return "single"; }

  Result<Plan> MakePlan(const Facts& /*facts*/) override {
    Plan plan;
    plan.command = surroundings_.command;
    // Scripts that call torch.distributed by themselves expect these of SageMaker's containers.
    const contract::TrainingEnvironment& environment = surroundings_.environment;
    if (environment.hosts.size() > 1) {
      SetDefault(&plan.command.variables, "MASTER_ADDR", environment.master_host);
      SetDefault(&plan.command.variables, "MASTER_PORT", std::to_string(kMasterPort));
    }
    return plan;
  }

 private:
  const Surroundings surroundings_;
};

}  // namespace

MadeLauncher MakeSingle(Surroundings surroundings) {
  return std::make_unique<Single>(std::move(surroundings));
}

}  // namespace berth::launch
