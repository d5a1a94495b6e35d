// berth_cluster_tool: the link between hosts on the command line, for tests/e2e/cluster and bench.
// Built with the tests, part of no release.
//
//   hub PORT COUNT                        algo-1, which waits for algo-2 … algo-(COUNT+1)
//   members ADDRESS PORT COUNT [LATE MS]  these, in one process; every LATE-th resolves the
//                                         master's name only MS after the start
//
// A job in small: all join and say they are ready, the hub tells them to start. At the line "fail"
// on its standard input the last member says that it failed, the hub tells all to stop, and they
// answer. At the line "close" the end is orderly. ADDRESS "loopback" is another address 127.x.y.z
// for each member.
//
// Prints a line for each step, with the seconds of the monotonic clock in front.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/hub.h"
#include "cluster/member.h"

namespace berth::cluster {
namespace {

constexpr std::string_view kKey = "the key of a test";

void Say(std::string_view what) {
  const std::chrono::duration<double> now = EventLoop::Clock::now().time_since_epoch();
  fmt::print("{:.6f} {}\n", now.count(), what);
  std::fflush(stdout);
}

std::string HostName(size_t number) {
  return fmt::format("algo-{}", number);
}

bool Says(const Message& message, std::string_view what) {
  return message.Contains(what);
}

/// Calls `act` with each line of standard input; "close" when that ends.
void ListenToInput(EventLoop& loop, const std::function<void(const std::string&)>& act) {
  const auto watched = loop.Watch(STDIN_FILENO, EPOLLIN, [&loop, act](uint32_t) {
    std::array<char, 64> bytes{};
    const ssize_t n = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    if (n <= 0) {
      loop.Forget(STDIN_FILENO);
      return act("close");
    }
    std::string line(bytes.data(), static_cast<size_t>(n));
    if (line.ends_with('\n')) line.pop_back();
    act(line);
  });
  if (!watched) Say("no standard input: " + watched.error().message());
}

int RunHub(EventLoop& loop, uint16_t port, size_t count) {
  HubOptions options{
      .name = HostName(1), .members = {}, .key = std::string(kKey), .port = port, .timing = {}};
  for (size_t i = 0; i < count; ++i) options.members.push_back(HostName(i + 2));
  std::unique_ptr<Hub> hub;
  std::set<std::string> ready;
  std::set<std::string> stopped;
  bool over = false;
  auto opened = Hub::Open(
      loop, options,
      {.joined = [&](const std::string&) {},
       .received =
           [&](const std::string& host, const Message& message) {
             if (Says(message, "ready") && ready.insert(host).second && ready.size() == count) {
               Say("all ready");
               hub->Broadcast({{"start", true}});
             }
             if (Says(message, "failed")) {
               Say("failed " + host);
               hub->Broadcast({{"stop", host}});
             }
             if (Says(message, "stopped") && stopped.insert(host).second &&
                 stopped.size() == count) {
               Say("all stopped");
             }
           },
       .left = [&](const std::string& host) { Say("left " + host); },
       .lost = [&](const std::string& host,
                   const std::string& why) { Say("lost " + host + ": " + why); }});
  if (!opened) {
    Say(opened.error().message());
    return 1;
  }
  hub = *std::move(opened);
  Say(fmt::format("listening {}", hub->port()));
  ListenToInput(loop, [&](const std::string& line) {
    if (line == "close") hub->Close([&] { over = true; });
  });
  while (!over) loop.WaitAndRun(std::chrono::minutes(1));
  Say("closed");
  return 0;
}

Lookup LateLookup(const std::string& address, size_t number, EventLoop::Clock::time_point from) {
  const std::string to =
      address == "loopback" ? fmt::format("127.1.{}.{}", number / 250, number % 250 + 1) : address;
  return [to, from](const std::string& host, uint16_t port) {
    if (EventLoop::Clock::now() < from) {
      return Result<std::vector<SocketAddress>>(
          Fail("the name \"" + host + "\" does not resolve yet"));
    }
    return ResolveAddresses(to, port);
  };
}

int RunMembers(EventLoop& loop, const std::string& address, uint16_t port, size_t count,
               size_t late, std::chrono::milliseconds by) {
  std::vector<std::unique_ptr<Member>> members(count);
  size_t started = 0;
  size_t told = 0;
  size_t over = 0;
  const auto begun = EventLoop::Clock::now();
  Say("begun");
  for (size_t i = 0; i < count; ++i) {
    MemberOptions options{.hub = HostName(1),
                          .port = port,
                          .name = HostName(i + 2),
                          .key = std::string(kKey),
                          .timing = {}};
    const bool is_late = late != 0 && i % late == 0;
    options.lookup = LateLookup(address, i, is_late ? begun + by : begun);
    auto opened = Member::Open(loop, options,
                               {.joined = [&, i] { members[i]->Send({{"ready", true}}); },
                                .received =
                                    [&, i](const Message& message) {
                                      if (Says(message, "start") && ++started == count)
                                        Say("all started");
                                      if (!Says(message, "stop")) return;
                                      members[i]->Send({{"stopped", true}});
                                      if (++told == count) Say("all told");
                                    },
                                .left =
                                    [&, i] {
                                      if (++over == count) Say("all left");
                                      members[i]->Close([] {});
                                    },
                                .lost =
                                    [&, i](bool, const std::string& why) {
                                      ++over;
                                      Say(fmt::format("lost at {}: {}", HostName(i + 2), why));
                                    }});
    if (!opened) {
      Say(opened.error().message());
      return 1;
    }
    members[i] = *std::move(opened);
  }
  bool closed = false;
  ListenToInput(loop, [&](const std::string& line) {
    if (line == "fail") {
      Say("failing");
      members.back()->Send({{"failed", true}});
    } else if (line == "close") {
      for (const auto& member : members) member->Close([] {});
      loop.After(Timing().close, [&] { closed = true; });
    }
  });
  while (!closed && over < count) loop.WaitAndRun(std::chrono::minutes(1));
  return 0;
}

int Main(const std::vector<std::string>& words) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const auto loop = EventLoop::Make();
  if (!loop) return 2;
  const auto number = [&](size_t at) {
    return at < words.size() ? std::strtoul(words[at].c_str(), nullptr, 10) : 0;
  };
  if (words.size() == 3 && words[0] == "hub") {
    return RunHub(**loop, static_cast<uint16_t>(number(1)), number(2));
  }
  if (words.size() >= 4 && words[0] == "members") {
    return RunMembers(**loop, words[1], static_cast<uint16_t>(number(2)), number(3), number(4),
                      std::chrono::milliseconds(number(5)));
  }
  return 2;
}

}  // namespace
}  // namespace berth::cluster

int main(int argc, char** argv) {
  return berth::cluster::Main({argv + 1, argv + argc});
}
