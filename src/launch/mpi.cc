#include "launch/mpi.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <memory>
#include <utility>

#include "core/files.h"
#include "core/log.h"
#include "core/text.h"
#include "launch/mpi_options.h"
#include "launch/mpi_version.h"
#include "launch/network.h"
#include "launch/settings.h"
#include "launch/shim.h"
#include "launch/ssh.h"

namespace berth::launch {
namespace {

constexpr std::string_view kRoom = "launch";

/// What sessions of ssh get of a worker's environment: what mpirun's helpers there need. (Ranks
/// get all of it from their berth.)
process::Variables ForSessions(const process::Variables& variables) {
  constexpr std::array<std::string_view, 7> kPrefixes = {"OMPI_",  "OPAL_",  "PMIX_", "PRTE_",
                                                         "HYDRA_", "I_MPI_", "FI_"};
  process::Variables chosen;
  for (const auto& [name, value] : variables) {
    const bool mpi = std::ranges::any_of(
        kPrefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
    if (mpi || name == "PATH" || name == "LD_LIBRARY_PATH" || name == "TMPDIR" ||
        name == "LD_PRELOAD" || name == "SM_CURRENT_HOST") {
      chosen.emplace(name, value);
    }
  }
  return chosen;
}

class Mpi : public Launcher {
 public:
  Mpi(Surroundings surroundings, std::vector<std::string> hosts, MpiFlavor flavor)
      : Launcher(std::move(hosts)),
        surroundings_(std::move(surroundings)),
        flavor_(std::move(flavor)) {}

  Result<void> Check() {
    BERTH_ASSIGN(slots_, ProcessesPerHost(surroundings_.environment));
    BERTH_ASSIGN(mpi_, FindMpi(surroundings_.command.variables));
    log::Info(kRoom, "MPI: {} ({})", mpi_.text, mpi_.program);
    BERTH_ASSIGN(const std::vector<std::string> words,
                 Words(surroundings_.environment, flavor_.options_parameter));
    BERTH_ASSIGN(options_,
                 MpiOptions::Parse(words, mpi_.kind,
                                   fmt::format("hyperparameter {}", flavor_.options_parameter)));
    if (several_hosts()) {
      BERTH_ASSIGN(Ssh ssh, Ssh::Find(surroundings_, is_master()));
      ssh_.emplace(std::move(ssh));
    }
    const auto slots = std::vector<int>(hosts().size(), slots_);
    // Groups of different machines are known when all hosts have said theirs.
    if (!surroundings_.environment.is_hetero) BERTH_TRY(Processes(slots));
    network_ = ProbeNetwork(surroundings_);
    CheckMpi4py();
    return {};
  }

  std::string_view name() const override { return flavor_.name; }

  Result<json::Object> Prepare() override {
    json::Object facts{{"slots", slots_}};
    if (surroundings_.host_name != surroundings_.environment.current_host) {
      BERTH_ASSIGN(shim_, WriteHostNameShim(surroundings_.run_directory));
    }
    if (ssh_) BERTH_TRY(ssh_->Prepare(&facts));
    if (is_master()) {
      BERTH_ASSIGN(rank_socket_, NewRankSocket());
      facts.Set("rank_socket", rank_socket_);
    }
    return facts;
  }

  Result<Plan> MakePlan(const Facts& facts) override {
    return is_master() ? MasterPlan(facts) : WorkerPlan(facts);
  }

 private:
  bool several_hosts() const { return hosts().size() > 1; }
  bool is_master() const { return surroundings_.environment.current_host == master(); }

  /// An uncaught exception in one rank ends all of them, which otherwise would wait for ever.
  void CheckMpi4py() {
    if (surroundings_.python.empty()) return;
    mpi4py_ = PythonHasModule(surroundings_, surroundings_.python, "mpi4py");
    if (!mpi4py_) {
      log::Warning(kRoom,
                   "{} has no mpi4py: the script runs without it, and other ranks learn of "
                   "a rank's exception from berth only",
                   surroundings_.python);
    }
  }

  bool places_itself() const {
    return options_.Has({"host", "H", "hosts", "hostfile", "machinefile", "machine", "f",
                         "default-hostfile", "rankfile", "rf", "app", "configfile"});
  }
  bool oversubscribes() const {
    const std::string map_by = options_.ValueOf({"map-by"}).value_or("");
    return flavor_.oversubscribe || options_.Has({"oversubscribe"}) ||
           map_by.contains("OVERSUBSCRIBE") || map_by.contains("oversubscribe");
  }

  /// How many ranks; fails where the hosts have no room for them.
  Result<int> Processes(const std::vector<int>& slots) const {
    int room = 0;
    for (const int n : slots) room += n;
    std::string who = "sagemaker_mpi_num_processes";
    int wanted = flavor_.processes.value_or(room);
    if (const auto users = options_.ValueOf({"np", "n", "c"})) {
      who = fmt::format("-np in {}", flavor_.options_parameter);
      std::from_chars(users->data(), users->data() + users->size(), wanted);
    }
    if (wanted <= room || places_itself() || oversubscribes()) return wanted;
    return Fail(
        fmt::format("{} asks for {} processes, and the {} host(s) have {} slot(s): lower it, "
                    "or raise sagemaker_mpi_num_of_processes_per_host",
                    who, wanted, slots.size(), room));
  }

  /// The variables of ranks on this host.
  process::Variables RankVariables() const {
    process::Variables variables = surroundings_.command.variables;
    for (const auto& [name, value] : network_.variables) SetDefault(&variables, name, value);
    for (const auto& [name, value] : flavor_.defaults) SetDefault(&variables, name, value);
    if (!network_.interface.empty()) {
      SetDefault(&variables, "NCCL_SOCKET_IFNAME", network_.interface);
    }
    if (options_.nccl_debug()) variables["NCCL_DEBUG"] = *options_.nccl_debug();
    SetDefault(&variables, "NCCL_DEBUG", "INFO");
    // PyTorch's env:// finds the others by these; SageMaker's PyTorch containers set them.
    SetDefault(&variables, "MASTER_ADDR", master());
    SetDefault(&variables, "MASTER_PORT", std::to_string(kMasterPort));
    SetDefault(&variables, "TMPDIR", "/tmp");  // theirs, not mpirun's
    PreloadShim(&variables);
    return variables;
  }

  /// mpirun and its helpers keep sockets in $TMPDIR: in ours nothing of another job is in the way,
  /// and nothing stays behind. (A socket's path may have no more than 107 bytes.)
  void OwnTemporaryDirectory(process::Variables* variables) const {
    constexpr size_t kLongest = 40;
    if (surroundings_.run_directory.size() > kLongest) return;
    (*variables)["TMPDIR"] = surroundings_.run_directory;
  }

  void PreloadShim(process::Variables* variables) const {
    if (shim_.empty()) return;
    std::string& preload = (*variables)["LD_PRELOAD"];
    preload = preload.empty() ? shim_ : shim_ + ":" + preload;
  }

  ranks::RankProgram Program() const {
    ranks::RankProgram program;
    program.argv = flavor_.wrapper;
    const std::vector<std::string>& script = surroundings_.command.argv;
    program.argv.push_back(script.front());
    if (mpi4py_) program.argv.insert(program.argv.end(), {"-m", "mpi4py"});
    program.argv.insert(program.argv.end(), script.begin() + 1, script.end());
    program.directory = surroundings_.command.directory;
    program.variables = RankVariables();
    program.kept = options_.SetVariables();
    program.kept.emplace_back(kRankSocketVariable);
    program.overlay = true;
    return program;
  }

  Result<Plan> WorkerPlan(const Facts& facts) {
    const auto found = facts.find(master());
    if (found == facts.end()) return Fail(fmt::format("host {} sent no facts", Quoted(master())));
    const json::Value* socket = found->second.Find("rank_socket");
    if (socket == nullptr || socket->AsString() == nullptr) {
      return Fail(fmt::format("host {} did not say where ranks report", Quoted(master())));
    }
    Plan plan;
    process::Variables sessions = surroundings_.command.variables;
    PreloadShim(&sessions);
    OwnTemporaryDirectory(&sessions);
    BERTH_ASSIGN(plan.command, ssh_->Server(found->second, ForSessions(sessions)));
    plan.work = Plan::Work::kMaster;
    plan.ready_file = ssh_->ready_file();
    plan.ranks = Program();
    plan.rank_socket = *socket->AsString();
    plan.several = true;
    return plan;
  }

  Result<Plan> MasterPlan(const Facts& facts) {
    BERTH_ASSIGN(const std::vector<int> slots, Slots(facts));
    BERTH_ASSIGN(const int processes, Processes(slots));
    Plan plan;
    plan.ranks = Program();
    plan.rank_socket = rank_socket_;
    plan.several = processes > 1;
    plan.command.directory = surroundings_.command.directory;
    plan.command.variables = surroundings_.command.variables;
    for (const auto& [name, value] : network_.variables) {
      SetDefault(&plan.command.variables, name, value);
    }
    plan.command.variables[std::string(kRankSocketVariable)] = rank_socket_;
    PreloadShim(&plan.command.variables);
    OwnTemporaryDirectory(&plan.command.variables);
    plan.command.argv = {"mpirun"};
    std::string client;
    if (ssh_) {
      BERTH_ASSIGN(client, ssh_->WriteClientConfiguration(facts));
    }
    if (mpi_.open_mpi()) {
      AddOpenMpi(slots, processes, client, &plan.command.argv);
    } else {
      BERTH_TRY(AddHydra(slots, processes, client, &plan.command));
    }
    for (std::string& word : options_.words()) plan.command.argv.push_back(std::move(word));
    plan.command.argv.insert(plan.command.argv.end(), {surroundings_.berth, "rank"});
    return plan;
  }

  /// Of each host, in the order of hosts().
  Result<std::vector<int>> Slots(const Facts& facts) const {
    std::vector<int> slots;
    for (const std::string& host : hosts()) {
      if (host == surroundings_.environment.current_host) {
        slots.push_back(slots_);
        continue;
      }
      const auto fact = facts.find(host);
      const json::Value* value = fact == facts.end() ? nullptr : fact->second.Find("slots");
      const json::Integer* integer = value == nullptr ? nullptr : value->AsInteger();
      int number = 0;
      if (integer != nullptr) {
        std::from_chars(integer->digits.data(), integer->digits.data() + integer->digits.size(),
                        number);
      }
      if (number < 1) return Fail(fmt::format("host {} did not say its slots", Quoted(host)));
      slots.push_back(number);
    }
    return slots;
  }

  /// Whether the user sets the MCA parameter, among the options or in the environment.
  bool UserSets(std::string_view parameter) const {
    const auto& variables = surroundings_.command.variables;
    return options_.HasMca(parameter) ||
           variables.contains(fmt::format("OMPI_MCA_{}", parameter)) ||
           variables.contains(fmt::format("PRTE_MCA_{}", parameter));
  }

  void AddOpenMpi(const std::vector<int>& slots, int processes, const std::string& client,
                  std::vector<std::string>* argv) const {
    const bool prrte =
        mpi_.major >= 5;  // the part of Open MPI that starts processes has a new name
    const auto add = [&](std::initializer_list<std::string> words) {
      argv->insert(argv->end(), words);
    };
    const auto mca = [&](const char* name, const std::string& value) {
      if (!UserSets(name)) add({"--mca", name, value});
    };
    // Parameters of the starting part; `name` is what Open MPI 4 calls it.
    const auto starter = [&](const char* name, const char* name5, const std::string& value) {
      if (UserSets(name) || UserSets(name5)) return;
      if (prrte) {
        add({"--prtemca", name5, value});
      } else {
        add({"--mca", name, value});
      }
    };

    if (!places_itself()) {
      std::vector<std::string> list;
      list.reserve(hosts().size());
      for (size_t i = 0; i < hosts().size(); ++i) {
        list.push_back(fmt::format("{}:{}", hosts()[i], slots[i]));
      }
      add({"--host", Join(list, ",")});
    }
    if (!options_.Has({"np", "n", "c"})) add({"-np", std::to_string(processes)});
    if (!options_.Has({"allow-run-as-root"})) add({"--allow-run-as-root"});
    if (flavor_.oversubscribe && !options_.Has({"oversubscribe", "nooversubscribe", "map-by"})) {
      if (prrte) {
        add({"--map-by", "slot:OVERSUBSCRIBE"});  // without "slot" all ranks land on one host
      } else {
        add({"--oversubscribe"});
      }
    }
    if (!network_.interface.empty()) {
      if (!UserSets("btl_tcp_if_exclude")) mca("btl_tcp_if_include", network_.interface);
      // One host has nobody to reach, and Open MPI 5 refuses an "lo" here.
      if (several_hosts() && !UserSets("oob_tcp_if_exclude") && !UserSets("prte_if_exclude")) {
        starter("oob_tcp_if_include", "prte_if_include", network_.interface);
      }
    }
    starter("plm_rsh_no_tree_spawn", "plm_ssh_no_tree_spawn", "1");
    if (flavor_.hosts_at_once) {
      starter("plm_rsh_num_concurrent", "plm_ssh_num_concurrent",
              std::to_string(*flavor_.hosts_at_once));
    }
    if (!client.empty()) {
      starter("plm_rsh_agent", "plm_ssh_agent", fmt::format("{} -F {}", ssh_->client(), client));
    }
    if (flavor_.unbound) {
      if (!options_.Has({"bind-to", "bind-to-core", "bind-to-socket", "bind-to-none"})) {
        add({"--bind-to", "none"});
      }
      if (!options_.Has({"map-by", "bynode", "byslot", "npernode", "N", "npersocket", "ppr"})) {
        add({"--map-by", "slot"});
      }
    }
    mca("pml", "ob1");
    mca("btl", "^openib");
    if (!prrte) mca("orte_abort_on_non_zero_status", "1");
    mca("btl_vader_single_copy_mechanism", "none");
    add({"-x", fmt::format("{}={}", kRankSocketVariable, rank_socket_)});
  }

  Result<void> AddHydra(const std::vector<int>& slots, int processes, const std::string& client,
                        process::Command* command) const {
    const auto add = [&](std::initializer_list<std::string> words) {
      command->argv.insert(command->argv.end(), words);
    };
    // With one host Hydra needs none named, and forks.
    if (several_hosts() && !places_itself()) {
      if (std::ranges::adjacent_find(slots, std::ranges::not_equal_to()) == slots.end()) {
        add({"-hosts", Join(hosts(), ",")});
        if (!options_.Has({"ppn", "perhost"})) add({"-ppn", std::to_string(slots.front())});
      } else {
        std::string file;
        for (size_t i = 0; i < hosts().size(); ++i) {
          file += fmt::format("{}:{}\n", hosts()[i], slots[i]);
        }
        const std::string path = surroundings_.run_directory + "/mpi_hosts";
        BERTH_TRY(WriteFile(path, file));
        add({"-f", path});
      }
    }
    if (!options_.Has({"np", "n"})) add({"-np", std::to_string(processes)});
    if (several_hosts() && !options_.Has({"launcher", "bootstrap"})) {
      add({"-launcher", "ssh", "-launcher-exec", ssh_->client()});
      const bool intel = mpi_.kind == MpiKind::kIntel;
      command->variables[intel ? "I_MPI_HYDRA_BOOTSTRAP_EXEC_EXTRA_ARGS"
                               : "HYDRA_LAUNCHER_EXTRA_ARGS"] = "-F " + client;
      // Otherwise workers start others of more than 128, and have no key for it.
      if (intel) SetDefault(&command->variables, "I_MPI_HYDRA_BRANCH_COUNT", "-1");
    }
    if (several_hosts() && !network_.interface.empty() && !options_.Has({"iface"})) {
      add({"-iface", network_.interface});
    }
    add({"-genv", std::string(kRankSocketVariable), rank_socket_});
    return {};
  }

  const Surroundings surroundings_;
  const MpiFlavor flavor_;
  MpiVersion mpi_;
  MpiOptions options_;
  int slots_ = 1;
  Network network_;
  bool mpi4py_ = false;
  std::optional<Ssh> ssh_;
  /// The library's path, where the machine is called otherwise than the contract has it.
  std::string shim_;
  std::string rank_socket_;
};

/// SageMaker's model parallel library.
bool ModelParallel(const contract::TrainingEnvironment& environment) {
  return !environment.mp_parameters.empty() && environment.mp_parameters != "{}";
}

/// SM_DLC_TORCH_VERSION, which SageMaker's PyTorch containers set, else what Python has installed;
/// empty where there is no PyTorch.
std::string TorchVersion(const Surroundings& surroundings) {
  const auto& variables = surroundings.command.variables;
  if (std::string set = Variable(variables, "SM_DLC_TORCH_VERSION"); !set.empty()) return set;
  if (surroundings.python.empty()) return {};
  const auto outcome = process::Capture(
      {{surroundings.python, "-c", "import importlib.metadata as m; print(m.version('torch'))"},
       variables,
       surroundings.command.directory},
      std::chrono::seconds(60));
  return outcome && outcome->ok() ? std::string(Trim(outcome->output_tail)) : std::string();
}

/// What the reference adds for it.
Result<void> AddModelParallel(const Surroundings& surroundings, MpiFlavor* flavor) {
  const contract::TrainingEnvironment& environment = surroundings.environment;
  const auto parameters = json::Parse(environment.mp_parameters);
  const json::Object* object = parameters ? parameters->AsObject() : nullptr;
  if (object == nullptr) {
    return Fail(fmt::format("the variable SM_HP_MP_PARAMETERS is {}: expected a JSON object",
                            Quoted(ToValidUtf8(environment.mp_parameters, 200))));
  }
  if (const std::string torch = TorchVersion(surroundings); !torch.empty()) {
    flavor->defaults["NCCL_PROTO"] = "simple";
    int major = 0;
    std::from_chars(torch.data(), torch.data() + torch.size(), major);
    if (major > 1) flavor->defaults["NCCL_ALGO"] = "ring";
  }
  const json::Value* backend = object->Find("ddp_dist_backend");
  const std::string* named = backend == nullptr ? nullptr : backend->AsString();
  if (backend != nullptr && (named == nullptr || *named != "auto")) return {};
  if (environment.smddpmprun_installed) {
    flavor->wrapper = {"smddpmprun", "-i", environment.current_instance_type, "--allow-bypass"};
  }
  return {};
}

}  // namespace

MadeLauncher MakeMpiLike(Surroundings surroundings, std::vector<std::string> hosts,
                         MpiFlavor flavor) {
  auto launcher =
      std::make_unique<Mpi>(std::move(surroundings), std::move(hosts), std::move(flavor));
  BERTH_TRY(launcher->Check());
  return launcher;
}

MadeLauncher MakeMpi(Surroundings surroundings, std::vector<std::string> hosts) {
  MpiFlavor flavor{.name = "mpi",
                   .options_parameter = "sagemaker_mpi_custom_mpi_options",
                   .processes = {},
                   .unbound = true,
                   .oversubscribe = false,
                   .hosts_at_once = {},
                   .defaults = {{"NCCL_MIN_NRINGS", "4"}},
                   .wrapper = {}};
  BERTH_ASSIGN(flavor.processes,
               PositiveNumber(surroundings.environment, "sagemaker_mpi_num_processes"));
  if (ModelParallel(surroundings.environment)) BERTH_TRY(AddModelParallel(surroundings, &flavor));
  return MakeMpiLike(std::move(surroundings), std::move(hosts), std::move(flavor));
}

}  // namespace berth::launch
