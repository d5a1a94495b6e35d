// A host for this room's tests: a PATH with stand-ins for programs, and a job of one host or more.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/files.h"
#include "core/json.h"
#include "core/text.h"
#include "launch/launcher.h"

namespace berth::launch {

class TestHost {
 public:
  /// The job's hosts, and which of them this one is.
  explicit TestHost(std::vector<std::string> hosts = {"algo-1"}, size_t current = 0)
      : directory_(*TemporaryDirectory::Make("launch-test")),
        hosts_(std::move(hosts)),
        current_(hosts_.at(current)) {
    for (const char* folder : {"bin", "run", "code", "root/etc", "root/sys/class/net/eth0"}) {
      EXPECT_TRUE(MakeDirectories(directory_.path() / folder));
    }
    EXPECT_TRUE(
        WriteFile(directory_.path() / "root/etc/passwd",
                  "me:x:" + std::to_string(::geteuid()) + ":0::" + path("home") + ":/bin/sh\n"));
    variables["PATH"] = path("bin");
    machine_name = current_;
  }

  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }

  /// A stand-in on the PATH: a shell script.
  void Program(const std::string& name, const std::string& script) const {
    EXPECT_TRUE(WriteFile(path("bin/" + name), "#!/bin/sh\nPATH=/usr/bin:/bin\n" + script, 0755));
  }
  void Mpirun(const std::string& version = "mpirun (Open MPI) 4.1.4") const {
    Program("mpirun", "echo '" + version + "'\n");
  }
  /// A Python that has no module but these.
  void Python(const std::string& modules = "") const {
    Program("python3",
            "shift 2; case \" " + modules + " \" in *\" $1 \"*) exit 0;; esac; exit 1\n");
  }
  /// OpenSSH's programs, which say yes to everything.
  void OpenSsh() const {
    Program("ssh", "");
    Program("sshd", "[ \"$1\" = -t ]\n");
    Program("ssh-keygen",
            "for a; do [ \"$p\" = -f ] && f=$a; p=$a; done\n"
            "[ \"$1\" = -y ] && { echo \"ecdsa-sha2-nistp256 AAAA$(basename $f) me\"; exit; }\n"
            ": > \"$f\"\n");
  }

  Surroundings surroundings() const {
    json::Array names(hosts_.begin(), hosts_.end());
    json::Object resources{{"current_host", current_}, {"hosts", names}};
    if (!groups.empty()) {
      json::Array array;
      for (const auto& [name, members] : groups) {
        array.emplace_back(json::Object{{"instance_group_name", name},
                                        {"instance_type", "ml.x"},
                                        {"hosts", json::Array(members.begin(), members.end())}});
      }
      resources.Set("instance_groups", array);
      resources.Set("current_group_name", current_group);
    }
    const auto layout = contract::Layout::Under("/opt/ml");
    auto environment = contract::ReadTrainingEnvironment(
        {.layout = layout,
         .hyperparameters = {layout.hyperparameters_file, json::Dump(hyperparameters)},
         .input_data_config = {layout.input_data_config_file, "{}"},
         .resource_config = {layout.resource_config_file, json::Dump(resources)},
         .variables = variables,
         .cpus = 1,
         .gpus = gpus,
         .neurons = neurons,
         .smddprun_installed = smddprun,
         .smddpmprun_installed = smddpmprun});
    EXPECT_TRUE(environment) << (environment ? "" : environment.error().message());
    Surroundings surroundings;
    if (environment) surroundings.environment = *std::move(environment);
    surroundings.command = {.argv = command, .variables = variables, .directory = path("code")};
    surroundings.python = python.empty() ? "" : path("bin/" + python);
    if (!python.empty()) surroundings.command.argv.front() = surroundings.python;
    surroundings.berth = "/opt/berth";
    surroundings.run_directory = path("run");
    surroundings.host_name = machine_name;
    surroundings.root = path("root");
    return surroundings;
  }

  /// The launcher, or nothing and a failed test.
  std::unique_ptr<Launcher> Choose() const {
    auto launcher = ChooseLauncher(surroundings());
    EXPECT_TRUE(launcher) << (launcher ? "" : launcher.error().message());
    return launcher ? *std::move(launcher) : nullptr;
  }
  std::string Error() const {
    const auto launcher = ChooseLauncher(surroundings());
    return launcher ? "no error" : launcher.error().message();
  }

  /// The plan of a launcher that chooses, prepares, and knows these facts.
  Plan MakePlan(const Facts& facts = {}) const {
    const auto launcher = Choose();
    if (!launcher) return {};
    const auto prepared = launcher->Prepare();
    EXPECT_TRUE(prepared) << (prepared ? "" : prepared.error().message());
    auto plan = launcher->MakePlan(facts);
    EXPECT_TRUE(plan) << (plan ? "" : plan.error().message());
    return plan ? *std::move(plan) : Plan{};
  }

  json::Object hyperparameters;
  std::map<std::string, std::vector<std::string>> groups;
  std::string current_group;
  process::Variables variables;
  std::vector<std::string> command = {"python3", "train.py", "--lr", "0 .1"};
  std::string python = "python3";
  std::string machine_name;
  int gpus = 0, neurons = 0;
  bool smddprun = false, smddpmprun = false;

 private:
  TemporaryDirectory directory_;
  std::vector<std::string> hosts_;
  std::string current_;
};

/// As one line, with what differs from run to run as SOCKET and RUN.
inline std::string Line(const std::vector<std::string>& words, const TestHost& host,
                        const Plan& plan) {
  std::string line = ShellQuoted(words);
  const auto replace = [&](const std::string& from, const std::string& to) {
    for (size_t at = from.empty() ? std::string::npos : line.find(from); at != std::string::npos;
         at = line.find(from)) {
      line.replace(at, from.size(), to);
    }
  };
  replace(plan.rank_socket, "SOCKET");
  replace(host.path("run"), "RUN");
  replace(host.path("bin"), "BIN");
  return line;
}

}  // namespace berth::launch
