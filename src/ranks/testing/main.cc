// berth_ranks_tool: a host of ranks on the command line, for tests/e2e/ranks and bench. Built with
// the tests, part of no release.
//
//   berth_ranks_tool HOST several|single EVENTS LAUNCHER... -- PROGRAM...
//
// Runs the launcher, which starts `berth rank`s, which run the program. What happens is appended to
// the file EVENTS, a JSON object a line. Standard input takes orders, a line each: "signal N",
// "stacks", "abandon", "stop".
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "core/descriptor.h"
#include "core/json.h"
#include "core/text.h"
#include "process/signals.h"
#include "process/supervisor.h"
#include "ranks/rank_host.h"

namespace berth::ranks {
namespace {

constexpr std::chrono::seconds kDrain{20};

class Tool {
 public:
  Result<int> Run(std::vector<std::string> words) {
    const auto dashes = std::find(words.begin(), words.end(), "--");
    if (words.size() < 6 || dashes == words.end()) return Fail("too few words");
    events_ = Descriptor(::open(words[3].c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (!events_) return FailErrno("cannot open the file of events");
    BERTH_ASSIGN(loop_, EventLoop::Make());

    RankHostOptions options;
    options.socket_name = fmt::format("berth-ranks-tool-{}", ::getpid());
    options.host = words[1];
    options.several = words[2] == "several";
    options.program.argv.assign(dashes + 1, words.end());
    process::Command launcher;
    launcher.argv.assign(words.begin() + 4, dashes);
    launcher.variables = process::CurrentVariables();
    launcher.variables[kSocketVariable] = options.socket_name;
    RankHostEvents told;
    told.started = [this](int rank) { Tell({{"event", "started"}, {"rank", rank}}); };
    told.ended = [this](const RankEnd& end) {
      Tell({{"event", "ended"},
            {"rank", end.rank},
            {"local_rank", end.local_rank},
            {"pid", end.pid},
            {"exit_code", end.exit_code},
            {"signal", end.signal},
            {"output_tail", ToValidUtf8(end.output_tail)},
            {"error_tail", ToValidUtf8(end.error_tail)},
            {"reported", end.reported},
            {"start_error", end.start_error}});
    };
    BERTH_ASSIGN(host_, RankHost::Open(*loop_, std::move(options), std::move(told)));
    // Of /dev/null there are no orders.
    std::ignore = loop_->Watch(STDIN_FILENO, EPOLLIN, [this](uint32_t) { ReadOrders(); });

    process::SuperviseOptions supervise;
    supervise.inherit_input = false;
    supervise.beside = loop_.get();
    supervise.stop_asked = [this] { return std::exchange(stop_, std::nullopt); };
    BERTH_ASSIGN(const process::Outcome outcome, process::Supervise(launcher, supervise));
    const auto until = EventLoop::Clock::now() + kDrain;
    while (!host_->idle() && EventLoop::Clock::now() < until) {
      loop_->WaitAndRun(std::chrono::milliseconds(100));
    }
    Tell({{"event", "over"},
          {"code", outcome.code()},
          {"idle", host_->idle()},
          {"lost", host_->output_lost()}});
    if (!outcome.start_error.empty()) return Fail(outcome.start_error);
    return outcome.code();
  }

 private:
  void Tell(const json::Object& event) {
    const std::string line = json::DumpPython(event) + "\n";
    std::ignore = WriteAll(events_.get(), line.data(), line.size());
  }

  void ReadOrders() {
    std::array<char, 256> buffer{};
    const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (n <= 0) return loop_->Forget(STDIN_FILENO);
    orders_.append(buffer.data(), static_cast<size_t>(n));
    for (size_t end = 0; (end = orders_.find('\n')) != std::string::npos;) {
      const std::string order = orders_.substr(0, end);
      orders_.erase(0, end + 1);
      if (order.starts_with("signal ")) host_->Signal(std::atoi(order.c_str() + 7));
      if (order == "stacks") host_->DumpStacks();
      if (order == "abandon") host_->Abandon();
      if (order == "stop") stop_ = process::StopOrder{};
    }
  }

  Descriptor events_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<RankHost> host_;
  std::string orders_;
  std::optional<process::StopOrder> stop_;
};

}  // namespace
}  // namespace berth::ranks

int main(int argc, char** argv) {
  berth::process::SurviveBrokenPipes();
  const auto code = berth::ranks::Tool().Run(std::vector<std::string>(argv, argv + argc));
  if (code) return *code;
  std::cerr << "berth_ranks_tool: " << code.error().message() << "\n";
  return 1;
}
