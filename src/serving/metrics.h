// What the server counts, and its text for Prometheus. Event loop's thread.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace berth::serving {

/// Seconds, in buckets that Prometheus can add up.
class Histogram {
 public:
  static constexpr std::array<double, 16> kBounds = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                     0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                                     1,      2.5,     10,     60};
  void Add(std::chrono::nanoseconds took);
  /// `name_bucket{labels,le="…"}` and so on; `labels` without braces, or empty.
  void Write(std::string_view name, std::string_view labels, std::string& text) const;

 private:
  std::array<uint64_t, kBounds.size() + 1> buckets_{};
  uint64_t count_ = 0;
  double sum_ = 0;
};

/// What a worker is doing, for the gauge of workers by state.
struct WorkerGauge {
  int index = 0;
  std::string_view state;  // "starting", "idle", "busy", "stopping"
  uint64_t resident_bytes = 0;
};

struct Metrics {
  std::map<unsigned, uint64_t> requests;  // answers of the model's routes, and refusals, by status
  std::map<std::string, uint64_t, std::less<>> restarts;  // workers that were replaced, by reason
  Histogram total;                                        // from arrival to the answer's last byte
  Histogram queue;                                        // waiting for a worker
  Histogram decode;
  Histogram predict;
  Histogram encode;
  uint64_t bytes_in = 0;
  uint64_t bytes_out = 0;

  struct Now {
    size_t queued = 0;
    size_t connections = 0;
    bool ready = false;
    std::vector<WorkerGauge> workers;
  };
  /// Prometheus's text format, version 0.0.4.
  std::string Text(const Now& now) const;
};

}  // namespace berth::serving
