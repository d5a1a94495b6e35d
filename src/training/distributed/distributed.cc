#include "training/distributed/distributed.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <functional>
#include <memory>
#include <utility>

#include "cluster/hub.h"
#include "cluster/member.h"
#include "core/json.h"
#include "core/log.h"
#include "core/text.h"
#include "training/distributed/host_run.h"
#include "training/distributed/leader.h"

namespace berth::training {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kRoom = "training";

/// Until when loops that only finish something wait for it.
constexpr milliseconds kAtOnce{0};

/// Where a host's reports go, and its orders come from: itself on the master, else the link. Words
/// between parts of one host go through the loop, so that none calls back into its caller.
class Headquarters {
 public:
  using Obey = std::function<void(const Order&)>;

  Headquarters(EventLoop& loop, const Cluster& cluster) : loop_(loop), cluster_(cluster) {}
  Headquarters(const Headquarters&) = delete;
  Headquarters& operator=(const Headquarters&) = delete;

  /// `obey` gets this host's orders. `first` is what it reports first.
  Result<void> Open(LeaderOptions leader, Report first, Obey obey) {
    obey_ = std::move(obey);
    if (cluster_.current_host == cluster_.hosts.front()) {
      BERTH_TRY(Lead(std::move(leader)));
      Tell(first);
      return {};
    }
    first_ = std::move(first);
    return Join();
  }

  void Tell(const Report& report) {
    if (leader_) {
      Post([this, report] { leader_->Receive(cluster_.current_host, report); });
    } else if (member_ && member_->joined()) {
      member_->Send(Encode(report));
    } else if (const auto* stopping = std::get_if<HostStopping>(&report)) {
      // Not joined: there is nobody to ask.
      GiveOrder(EndOrder{
          {.code = 128 + stopping->signal,
           .type = "ExecuteUserScriptError",
           .text = fmt::format("stopped by {} while waiting for the master {}",
                               ::strsignal(stopping->signal), Quoted(cluster_.hosts.front()))}});
    }
  }

  /// The leader has nothing more to say to anybody, or there is none here.
  bool over() const { return !leader_ || over_; }

  /// All others have heard all of it, or will not.
  void Close() {
    bool closed = hub_ == nullptr;
    if (hub_) hub_->Close([&] { closed = true; });
    while (!closed) loop_.WaitAndRun(milliseconds(1'000));
  }

 private:
  void Post(std::function<void()> action) { loop_.After(kAtOnce, std::move(action)); }

  void GiveOrder(const Order& order) {
    Post([this, order] { obey_(order); });
  }

  Result<void> Lead(LeaderOptions options) {
    leader_ = std::make_unique<Leader>(
        loop_, std::move(options),
        [this](const std::string& host, const Order& order) {
          if (host == cluster_.current_host) return GiveOrder(order);
          hub_->Send(host, Encode(order));
        },
        [this] { over_ = true; });
    if (!cluster_.several()) return {};
    cluster::Hub::Events events;
    events.joined = [this](const std::string& host) { leader_->Joined(host); };
    events.received = [this](const std::string& host, const cluster::Message& message) {
      if (const auto report = DecodeReport(message)) {
        leader_->Receive(host, *report);
      } else {
        log::Warning(kRoom, "cannot understand what host {} says: {}", host,
                     report.error().message());
      }
    };
    events.left = [this](const std::string& host) {
      leader_->Lost(host, "it left before the job was over");
    };
    events.lost = [this](const std::string& host, const std::string& why) {
      leader_->Lost(host, why);
    };
    BERTH_ASSIGN(hub_,
                 cluster::Hub::Open(loop_,
                                    {.name = cluster_.current_host,
                                     .members = {cluster_.hosts.begin() + 1, cluster_.hosts.end()},
                                     .key = cluster_.key,
                                     .port = cluster_.port,
                                     .timing = {}},
                                    std::move(events)));
    return {};
  }

  Result<void> Join() {
    cluster::Member::Events events;
    events.joined = [this] { member_->Send(Encode(first_)); };
    events.received = [this](const cluster::Message& message) {
      if (const auto order = DecodeOrder(message)) {
        GiveOrder(*order);
      } else {
        log::Warning(kRoom, "cannot understand what the master says: {}", order.error().message());
      }
    };
    const auto end = [this](std::string text) {
      GiveOrder(EndOrder{{.code = 1, .type = "ExecuteUserScriptError", .text = std::move(text)}});
    };
    const std::string master = Quoted(cluster_.hosts.front());
    events.left = [end, master] {
      end(fmt::format("the master {} left before the job was over", master));
    };
    events.lost = [end, master](bool was_joined, const std::string& why) {
      end(was_joined ? fmt::format("the master {} was lost: {}", master, why) : why);
    };
    BERTH_ASSIGN(member_, cluster::Member::Open(loop_,
                                                {.hub = cluster_.hosts.front(),
                                                 .port = cluster_.port,
                                                 .name = cluster_.current_host,
                                                 .key = cluster_.key,
                                                 .timing = {}},
                                                std::move(events)));
    return {};
  }

  EventLoop& loop_;
  const Cluster& cluster_;
  Obey obey_;
  Report first_;
  std::unique_ptr<Leader> leader_;
  std::unique_ptr<cluster::Hub> hub_;
  std::unique_ptr<cluster::Member> member_;
  bool over_ = false;
};

}  // namespace

Result<Cluster> ClusterOf(const contract::TrainingEnvironment& environment,
                          std::vector<std::string> hosts, const process::Variables& variables) {
  const auto variable = [&](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  };
  Cluster cluster{.hosts = std::move(hosts),
                  .current_host = environment.current_host,
                  .key = {},
                  .port = cluster::kDefaultPort};
  json::Array names;
  for (const std::string& host : environment.hosts) names.emplace_back(host);
  cluster.key = json::Dump(json::Array{
      "berth", variable(kKeyVariable), variable("TRAINING_JOB_ARN"), environment.job_name,
      std::move(names), environment.hyperparameters, environment.framework_parameters});
  const std::string port = variable(kPortVariable);
  if (port.empty()) return cluster;
  const auto [end, bad] = std::from_chars(port.data(), port.data() + port.size(), cluster.port);
  if (bad != std::errc() || end != port.data() + port.size() || cluster.port == 0) {
    return Fail(fmt::format("cannot use the variable {}: expected a port from 1 to 65535, found {}",
                            kPortVariable, Quoted(port)));
  }
  return cluster;
}

Result<DistributedEnd> RunDistributed(const Cluster& cluster, launch::Launcher& launcher,
                                      const DistributedOptions& options) {
  BERTH_ASSIGN(const auto loop, EventLoop::Make());
  BERTH_ASSIGN(json::Object facts, launcher.Prepare());
  Headquarters headquarters(*loop, cluster);
  HostRun run(*loop,
              {.launcher = launcher,
               .held = options.held,
               .host = cluster.current_host,
               .watchdog = options.watchdog,
               .grace = options.grace,
               .secrets = options.secrets,
               .tail_bytes = options.tail_bytes},
              [&](const Report& report) { headquarters.Tell(report); });
  BERTH_TRY(headquarters.Open(
      {.hosts = cluster.hosts, .max_restarts = options.max_restarts, .grace = options.grace},
      HostReady{std::move(facts)}, [&](const Order& order) { run.Obey(order); }));
  if (cluster.several()) {
    log::Info(kRoom, "{} of {} hosts; the master is {}",
              std::ranges::find(cluster.hosts, cluster.current_host) - cluster.hosts.begin() + 1,
              cluster.hosts.size(), cluster.hosts.front());
  }
  DistributedEnd end{.ending = run.Run(), .stop_asked = run.stop_asked()};
  while (!headquarters.over()) loop->WaitAndRun(milliseconds(1'000));
  headquarters.Close();
  return end;
}

void TellUnable(const Cluster& cluster, const Ending& ending, const process::HeldSignals& held,
                milliseconds patience) {
  auto loop = EventLoop::Make();
  if (!loop) return;
  bool told = false;
  bool late = false;
  Headquarters headquarters(**loop, cluster);
  (*loop)->After(patience, [&] { late = true; });
  const auto opened =
      headquarters.Open({.hosts = cluster.hosts, .max_restarts = 0, .grace = milliseconds(0)},
                        HostUnable{ending}, [&](const Order&) { told = true; });
  if (!opened) return;
  while (!late && !(told && headquarters.over())) {
    std::array<pollfd, 2> waits{
        {{(*loop)->descriptor(), POLLIN, 0}, {held.descriptor(), POLLIN, 0}}};
    ::poll(waits.data(), waits.size(), -1);
    if (waits[1].revents != 0) return;
    (*loop)->RunReady();
  }
  headquarters.Close();
}

}  // namespace berth::training
