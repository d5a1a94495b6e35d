// TF_CONFIG, by which TensorFlow's processes find each other.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "core/json.h"
#include "core/log.h"
#include "launch/launchers.h"
#include "launch/network.h"
#include "launch/settings.h"

namespace berth::launch {
namespace {

// The reference's ports.
constexpr int kTaskPort = 2222;
constexpr int kServerPort = 2223;
constexpr int kMirroredPort = 8890;

json::Array Addresses(const std::vector<std::string>& hosts, int port) {
  json::Array addresses;
  addresses.reserve(hosts.size());
  for (const std::string& host : hosts) addresses.emplace_back(fmt::format("{}:{}", host, port));
  return addresses;
}

std::string Config(json::Object cluster, const char* type, size_t index) {
  return json::DumpPython(json::Object{
      {"cluster", std::move(cluster)},
      {"environment", "cloud"},
      {"task", json::Object{{"index", static_cast<long long>(index)}, {"type", type}}}});
}

class MultiWorkerMirrored : public Launcher {
 public:
  MultiWorkerMirrored(Surroundings surroundings, std::vector<std::string> hosts)
      : Launcher(std::move(hosts)), surroundings_(std::move(surroundings)) {}

  std::string_view name() const override { return "tensorflow"; }

  Result<Plan> MakePlan(const Facts& /*facts*/) override {
    const Network network = ProbeNetwork(surroundings_);
    const auto here = std::ranges::find(hosts(), surroundings_.environment.current_host);
    Plan plan;
    plan.command = surroundings_.command;
    for (const auto& [name, value] : network.variables) {
      SetDefault(&plan.command.variables, name, value);
    }
    plan.command.variables["TF_CONFIG"] =
        Config({{"worker", Addresses(hosts(), kMirroredPort)}}, "worker",
               static_cast<size_t>(here - hosts().begin()));
    return plan;
  }

 private:
  const Surroundings surroundings_;
};

/// The parameter server of a host. It starts the host's script first, as a `berth rank`, so that
/// the script does not wait for TensorFlow to load here; then it serves until it is told to end. It
/// takes no GPU: those are the script's. Where `berth rank` could not even begin (2, 125), nobody
/// else would notice.
///
/// Arguments: our binary, the servers' TF_CONFIG.
constexpr std::string_view kServer = R"(import json, os, subprocess, sys, threading
config = json.loads(sys.argv[2])
rank = subprocess.Popen([sys.argv[1], "rank"])
def watch():
    code = rank.wait()
    if code in (2, 125):
        os._exit(code)
threading.Thread(target=watch, daemon=True).start()
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.pop("TF_CONFIG", None)
import tensorflow as tf
tf.distribute.Server(tf.train.ClusterSpec(config["cluster"]), job_name="ps",
                     task_index=config["task"]["index"],
                     config=tf.compat.v1.ConfigProto(device_count={"GPU": 0})).join()
)";

class ParameterServer : public Launcher {
 public:
  ParameterServer(Surroundings surroundings, std::vector<std::string> hosts)
      : Launcher(std::move(hosts)), surroundings_(std::move(surroundings)) {}

  Result<void> Check() {
    python_ = surroundings_.python;
    for (const char* name : {"python3", "python"}) {
      if (!python_.empty()) break;
      python_ = process::FindProgram(name, surroundings_.command.variables).value_or("");
    }
    if (!python_.empty() && PythonHasModule(surroundings_, python_, "tensorflow")) return {};
    return Fail(
        fmt::format("{} has no module tensorflow, with which berth runs the parameter "
                    "servers (sagemaker_parameter_server_enabled): use an image with "
                    "TensorFlow, or switch them off",
                    python_.empty() ? "the image" : python_));
  }

  std::string_view name() const override { return "tensorflow"; }

  Result<Plan> MakePlan(const Facts& /*facts*/) override {
    const std::string& host = surroundings_.environment.current_host;
    const auto index = static_cast<size_t>(std::ranges::find(hosts(), host) - hosts().begin());
    const std::vector<std::string> workers(hosts().begin() + 1, hosts().end());
    json::Object cluster{{"master", Addresses({master()}, kTaskPort)},
                         {"ps", Addresses(hosts(), kServerPort)},
                         {"worker", Addresses(workers, kTaskPort)}};
    Plan plan;
    BERTH_ASSIGN(plan.rank_socket, NewRankSocket());
    plan.work = Plan::Work::kRanks;
    plan.several = true;
    plan.command = {.argv = {python_, "-c", std::string(kServer), surroundings_.berth,
                             Config(cluster, "ps", index)},
                    .variables = surroundings_.command.variables,
                    .directory = surroundings_.command.directory};
    plan.command.variables[std::string(kRankSocketVariable)] = plan.rank_socket;
    plan.command.variables[std::string(kRankNumberVariable)] = std::to_string(index);
    ranks::RankProgram script;
    script.argv = surroundings_.command.argv;
    script.directory = surroundings_.command.directory;
    script.variables = surroundings_.command.variables;
    script.variables["TF_CONFIG"] = index == 0 ? Config(std::move(cluster), "master", 0)
                                               : Config(std::move(cluster), "worker", index - 1);
    script.overlay = true;
    plan.ranks = std::move(script);
    return plan;
  }

 private:
  const Surroundings surroundings_;
  std::string python_;
};

}  // namespace

MadeLauncher MakeMultiWorkerMirrored(Surroundings surroundings, std::vector<std::string> hosts) {
  return std::make_unique<MultiWorkerMirrored>(std::move(surroundings), std::move(hosts));
}

MadeLauncher MakeParameterServer(Surroundings surroundings, std::vector<std::string> hosts) {
  auto launcher = std::make_unique<ParameterServer>(std::move(surroundings), std::move(hosts));
  BERTH_TRY(launcher->Check());
  return launcher;
}

}  // namespace berth::launch
