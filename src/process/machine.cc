#include "process/machine.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>

#include "core/files.h"
#include "core/log.h"
#include "core/text.h"
#include "process/cpu_quota.h"
#include "process/neuron.h"

namespace berth::process {
namespace {

/// A driver that is being loaded answers late; one that hangs must not hold up the job.
constexpr std::chrono::seconds kProbeDeadline{30};

int AffinityCpus() {
  // The kernel refuses a set smaller than its own, which can be far larger than cpu_set_t.
  for (int cpus = CPU_SETSIZE; cpus <= (1 << 20); cpus *= 2) {
    const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(static_cast<size_t>(cpus)),
                                                               [](cpu_set_t* s) { CPU_FREE(s); });
    const size_t bytes = CPU_ALLOC_SIZE(static_cast<size_t>(cpus));
    if (set && ::sched_getaffinity(0, bytes, set.get()) == 0) return CPU_COUNT_S(bytes, set.get());
  }
  return 1;
}

/// stdout of a helper, nothing where its program is not there; one that breaks is logged.
std::optional<std::string> Ask(std::vector<std::string> argv, const Variables& variables) {
  const std::string name = argv.front();
  if (!FindProgram(name, variables)) return std::nullopt;
  const auto outcome = Capture({std::move(argv), variables, {}}, kProbeDeadline);
  if (!outcome) {
    log::Warning("machine", "cannot ask {}: {}", name, outcome.error().message());
    return std::nullopt;
  }
  if (!outcome->ok()) {
    const std::string why(Trim(!outcome->start_error.empty()  ? outcome->start_error
                               : !outcome->error_tail.empty() ? outcome->error_tail
                                                              : outcome->output_tail));
    log::Warning("machine", "{} ended with {}: {}", name, outcome->code(), ToValidUtf8(why, 300));
    return std::nullopt;
  }
  return outcome->output_tail;
}

int CountGpus(const Variables& variables) {
  std::error_code missing;
  int gpus = 0;
  for (std::filesystem::directory_iterator it("/proc/driver/nvidia/gpus", missing), end;
       !missing && it != end; it.increment(missing)) {
    ++gpus;
  }
  if (gpus > 0) return gpus;
  const auto list = Ask({"nvidia-smi", "--list-gpus"}, variables);
  if (!list) return 0;
  const std::vector<std::string> lines = Split(*list, '\n');
  return static_cast<int>(std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
    return line.starts_with("GPU ");
  }));
}

int CountNeurons(const Variables& variables) {
  const auto list = Ask({"neuron-ls", "-j"}, variables);
  if (!list) return 0;
  const auto cores = NeuronCores(*list);
  if (!cores) {
    log::Warning("machine", "cannot read what neuron-ls says: {}", cores.error().message());
    return 0;
  }
  return *cores;
}

}  // namespace

std::string HostName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "localhost";
}

Machine ProbeMachine(const Variables& variables) {
  Machine machine;
  machine.cpus = std::max(1, AffinityCpus());
  if (const auto quota = CpuQuota()) {
    machine.cpus = std::clamp(static_cast<int>(std::ceil(*quota)), 1, machine.cpus);
  }
  machine.gpus = CountGpus(variables);
  machine.neurons = CountNeurons(variables);
  machine.host_name = HostName();
  return machine;
}

}  // namespace berth::process
