// torchrun on every host, each rank of it a `berth rank`.
//
// Static by default, as the reference has it: nodes, ranks and the meeting point are told. Elastic
// (a rendezvous) where the user's options ask for it.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "core/log.h"
#include "core/text.h"
#include "launch/launchers.h"
#include "launch/network.h"
#include "launch/settings.h"
#include "launch/torchrun_options.h"

namespace berth::launch {
namespace {

constexpr std::string_view kOptions = "sagemaker_torch_distributed_custom_options";

/// The number that `text` is; nothing where it is none ("auto", "1:4").
std::optional<int> NumberOf(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

class Torchrun : public Launcher {
 public:
  Torchrun(Surroundings surroundings, std::vector<std::string> hosts)
      : Launcher(std::move(hosts)), surroundings_(std::move(surroundings)) {}

  Result<void> Check() {
    const auto& variables = surroundings_.command.variables;
    BERTH_ASSIGN(processes_, ProcessesPerHost(surroundings_.environment));
    BERTH_ASSIGN(const std::vector<std::string> words, Words(surroundings_.environment, kOptions));
    BERTH_ASSIGN(options_, TorchrunOptions::Parse(words, variables,
                                                  fmt::format("hyperparameter {}", kOptions)));
    if (!process::FindProgram("torchrun", variables)) {
      return Fail(
          "there is no `torchrun` on the PATH: install PyTorch (1.10 or later) in the image, "
          "or switch sagemaker_torch_distributed_enabled off");
    }
    if (Variable(variables, "RUN_NEURON_PARALLEL_COMPILE") == "1") {
      compile_ = true;
      if (!process::FindProgram("neuron_parallel_compile", variables)) {
        return Fail(
            "RUN_NEURON_PARALLEL_COMPILE is 1 and there is no `neuron_parallel_compile` on "
            "the PATH: use an image with the Neuron SDK, or leave the variable out");
      }
    }
    if (options_.module() && (surroundings_.python.empty() || program().size() < 2)) {
      return Fail(
          fmt::format("hyperparameter {} has -m, and the entry point is no Python file", kOptions));
    }
    if (options_.Has("standalone") && hosts().size() > 1) {
      return Fail(
          fmt::format("torchrun's --standalone is for one host, and the job has {}: leave it "
                      "out",
                      hosts().size()));
    }
    network_ = ProbeNetwork(surroundings_);
    return {};
  }

  std::string_view name() const override { return "torchrun"; }

  int restarts() const override {
    return std::max(NumberOf(options_.ValueOf("max_restarts").value_or("0")).value_or(0), 0);
  }

  Result<Plan> MakePlan(const Facts& /*facts*/) override {
    Plan plan;
    BERTH_ASSIGN(plan.rank_socket, NewRankSocket());
    plan.command.directory = surroundings_.command.directory;
    plan.command.variables = Variables();
    plan.command.variables[std::string(kRankSocketVariable)] = plan.rank_socket;
    plan.command.argv = Command();
    plan.several = Several();
    ranks::RankProgram ranks;
    ranks.argv = program();
    if (options_.module() && ranks.argv[1] != "-m") {
      ranks.argv[1] = ModuleName(ranks.argv[1]);
      ranks.argv.insert(ranks.argv.begin() + 1, "-m");
    }
    ranks.directory = surroundings_.command.directory;
    plan.ranks = std::move(ranks);
    return plan;
  }

 private:
  const std::vector<std::string>& program() const { return surroundings_.command.argv; }
  bool is_master() const { return surroundings_.environment.current_host == master(); }

  /// "sub/train.py" is the module "sub.train".
  static std::string ModuleName(std::string file) {
    if (file.ends_with(".py")) file.resize(file.size() - 3);
    if (file.starts_with("./")) file.erase(0, 2);
    std::ranges::replace(file, '/', '.');
    return file;
  }

  /// A rendezvous in place of told ranks.
  bool Elastic() const {
    if (options_.Has("standalone")) return true;
    const std::string backend = options_.ValueOf("rdzv_backend").value_or("static");
    return backend != "static" || options_.ValueOf("nnodes").value_or("").contains(':');
  }

  bool Several() const {
    if (hosts().size() > 1) return true;
    const auto processes = options_.ValueOf("nproc_per_node");
    return (processes ? NumberOf(*processes).value_or(0) : processes_) != 1;
  }

  process::Variables Variables() const {
    process::Variables variables = surroundings_.command.variables;
    for (const auto& [name, value] : network_.variables) SetDefault(&variables, name, value);
    if (network_.device_rdma) SetDefault(&variables, "RDMAV_FORK_SAFE", "1");
    if (!network_.interface.empty()) {
      SetDefault(&variables, "NCCL_SOCKET_IFNAME", network_.interface);
    }
    SetDefault(&variables, "NCCL_PROTO", "simple");
    return variables;
  }

  std::vector<std::string> Command() const {
    std::vector<std::string> argv;
    TorchrunOptions users = options_;
    const auto add = [&](const char* option, const std::string& value) {
      if (users.Has(option)) return;
      argv.insert(argv.end(), {fmt::format("--{}", option), value});
    };
    if (compile_) argv.emplace_back("neuron_parallel_compile");
    argv.emplace_back("torchrun");
    if (!options_.Has("standalone")) add("nnodes", std::to_string(hosts().size()));
    add("nproc_per_node", std::to_string(processes_));
    if (Elastic()) {
      AddRendezvous(&users, &argv);
    } else if (hosts().size() > 1) {
      const auto here = std::ranges::find(hosts(), surroundings_.environment.current_host);
      add("master_addr", master());
      add("master_port", std::to_string(kMasterPort));
      add("node_rank", std::to_string(here - hosts().begin()));
    }
    argv.insert(argv.end(), users.words().begin(), users.words().end());
    argv.insert(argv.end(), {"--no_python", surroundings_.berth, "rank"});
    return argv;
  }

  void AddRendezvous(TorchrunOptions* users, std::vector<std::string>* argv) const {
    if (users->Has("standalone")) return;
    const auto add = [&](const char* option, const std::string& value) {
      argv->insert(argv->end(), {fmt::format("--{}", option), value});
    };
    if (!users->Has("rdzv_backend")) add("rdzv_backend", "c10d");
    const std::string& job = surroundings_.environment.job_name;
    if (!users->Has("rdzv_id")) add("rdzv_id", job.empty() ? "berth" : job);
    const std::string backend = users->ValueOf("rdzv_backend").value_or("c10d");
    if (users->Has("rdzv_endpoint") || backend != "c10d") return;
    add("rdzv_endpoint", fmt::format("{}:{}", master(), kMasterPort));
    // Who serves it, torchrun finds out by the machine's name, which is not the master's here.
    std::string conf = users->ValueOf("rdzv_conf").value_or("");
    if (conf.contains("is_host")) return;
    users->Drop("rdzv_conf");
    if (!conf.empty()) conf += ',';
    add("rdzv_conf", conf + (is_master() ? "is_host=1" : "is_host=0"));
  }

  const Surroundings surroundings_;
  TorchrunOptions options_;
  int processes_ = 1;
  bool compile_ = false;
  Network network_;
};

}  // namespace

MadeLauncher MakeTorchrun(Surroundings surroundings, std::vector<std::string> hosts) {
  auto launcher = std::make_unique<Torchrun>(std::move(surroundings), std::move(hosts));
  BERTH_TRY(launcher->Check());
  return launcher;
}

}  // namespace berth::launch
