// What `serve` is told by its environment, as a value.
//
// Source of the rules: section 5 of docs/contract.md. Pure: the variables come in, nothing is read.
// A variable that is set but empty counts as not set. Names that begin with BERTH_ are ours; all
// are described in docs/serving.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "contract/layout.h"
#include "core/error.h"

namespace berth::contract {

struct ServingEnvironment {
  Layout layout;

  /// SAGEMAKER_PROGRAM: the handler's file, below the code directory: neither absolute nor with
  /// "..".
  std::string program = "inference.py";
  /// SAGEMAKER_SUBMIT_DIRECTORY: where the code comes from; empty: <model>/code, else code/.
  std::string submit_directory;
  /// SAGEMAKER_SERVING_MODULE: "module:app", a WSGI application in place of a handler; else empty.
  std::string application;

  /// SAGEMAKER_BIND_TO_PORT; 0 lets the system choose (for tests).
  uint16_t port = 8080;
  /// SAGEMAKER_MODEL_SERVER_WORKERS; nothing: as CPUs and memory allow.
  std::optional<int> workers;
  /// SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS, else SAGEMAKER_MODEL_SERVER_TIMEOUT: what a request
  /// has from its arrival to its answer, and a worker for one request.
  std::chrono::seconds timeout{60};
  /// SAGEMAKER_STARTUP_TIMEOUT: what a worker has from its start until its model is loaded.
  std::chrono::seconds startup_timeout{600};
  /// SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT: where a request has no Accept, or */*.
  std::string default_accept = "application/json";
  /// SAGEMAKER_MAX_PAYLOAD_IN_MB, in bytes: of a request's body, unpacked.
  uint64_t max_payload = uint64_t{100} << 20;
  /// BERTH_QUEUE_LENGTH: requests that wait for a worker; more are answered with 503.
  int queue_length = 1024;
  /// BERTH_DRAIN_SECONDS: what requests have to finish after a SIGTERM. The platform kills 30 s
  /// after it.
  std::chrono::seconds drain{25};
  /// BERTH_READY_FD: a descriptor, open for writing, that gets "<port>\n" and is closed when all
  /// workers have loaded the model; for whoever starts us and waits for that.
  std::optional<int> ready_fd;
  /// SAGEMAKER_CONTAINER_LOG_LEVEL: Python's number.
  int log_level = 20;
  /// BERTH_LOG_FORMAT=json: a JSON object a line.
  bool json_log = false;
  /// BERTH_ALLOW_PICKLED_ARRAYS=true: NPY bodies may hold pickled objects. Loading them runs
  /// whatever code the sender put there.
  bool allow_pickle = false;
  /// BERTH_FORK_WORKERS=true: one process loads the model, the workers are forked from it.
  bool fork_workers = false;

  /// The answer of /execution-parameters: SAGEMAKER_MAX_CONCURRENT_TRANSFORMS (nothing: the number
  /// of workers), SAGEMAKER_BATCH_STRATEGY, and SAGEMAKER_MAX_PAYLOAD_IN_MB, 6 where it is not set.
  std::optional<int> max_concurrent_transforms;
  std::string batch_strategy = "MULTI_RECORD";
  int execution_payload_mb = 6;
};

/// The error names the variable, what was expected and what was found.
[[nodiscard]] Result<ServingEnvironment> ReadServingEnvironment(
    const Layout& layout, const std::map<std::string, std::string>& variables);

}  // namespace berth::contract
