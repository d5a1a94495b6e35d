#include "serving/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace berth::serving {
namespace {

template <typename... Args>
void Line(std::string& text, fmt::format_string<Args...> format, Args&&... args) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Args>(args)...);
  text += '\n';
}

void Describe(std::string& text, std::string_view name, std::string_view type,
              std::string_view help) {
  Line(text, "# HELP {} {}", name, help);
  Line(text, "# TYPE {} {}", name, type);
}

}  // namespace

void Histogram::Add(std::chrono::nanoseconds took) {
  const double seconds = std::max(0.0, std::chrono::duration<double>(took).count());
  const auto bucket = std::ranges::lower_bound(kBounds, seconds);
  ++buckets_[static_cast<size_t>(bucket - kBounds.begin())];
  ++count_;
  sum_ += seconds;
}

void Histogram::Write(std::string_view name, std::string_view labels, std::string& text) const {
  const std::string_view comma = labels.empty() ? "" : ",";
  uint64_t below = 0;
  for (size_t i = 0; i < kBounds.size(); ++i) {
    below += buckets_[i];
    Line(text, "{}_bucket{{{}{}le=\"{}\"}} {}", name, labels, comma, kBounds[i], below);
  }
  Line(text, "{}_bucket{{{}{}le=\"+Inf\"}} {}", name, labels, comma, count_);
  const std::string braced = labels.empty() ? std::string() : fmt::format("{{{}}}", labels);
  Line(text, "{}_sum{} {}", name, braced, sum_);
  Line(text, "{}_count{} {}", name, braced, count_);
}

std::string Metrics::Text(const Now& now) const {
  std::string text;
  Describe(text, "berth_requests_total", "counter",
           "Requests to the model, and all that were refused, by status.");
  for (const auto& [status, count] : requests) {
    Line(text, "berth_requests_total{{code=\"{}\"}} {}", status, count);
  }
  Describe(text, "berth_request_seconds", "histogram",
           "From a request's arrival to the last byte of its answer.");
  total.Write("berth_request_seconds", "", text);
  Describe(text, "berth_request_phase_seconds", "histogram",
           "The parts of a request: waiting, decoding, predicting, encoding.");
  queue.Write("berth_request_phase_seconds", "phase=\"queue\"", text);
  decode.Write("berth_request_phase_seconds", "phase=\"decode\"", text);
  predict.Write("berth_request_phase_seconds", "phase=\"predict\"", text);
  encode.Write("berth_request_phase_seconds", "phase=\"encode\"", text);
  Describe(text, "berth_queue_length", "gauge", "Requests that wait for a worker.");
  Line(text, "berth_queue_length {}", now.queued);
  Describe(text, "berth_connections", "gauge", "Open connections.");
  Line(text, "berth_connections {}", now.connections);
  Describe(text, "berth_ready", "gauge", "Whether /ping answers 200.");
  Line(text, "berth_ready {}", now.ready ? 1 : 0);
  Describe(text, "berth_workers", "gauge", "Workers, by state.");
  for (const std::string_view state : {"starting", "idle", "busy", "stopping"}) {
    Line(text, "berth_workers{{state=\"{}\"}} {}", state,
         std::ranges::count(now.workers, state, &WorkerGauge::state));
  }
  Describe(text, "berth_worker_resident_bytes", "gauge", "Resident memory of a worker.");
  for (const WorkerGauge& worker : now.workers) {
    Line(text, "berth_worker_resident_bytes{{worker=\"{}\"}} {}", worker.index,
         worker.resident_bytes);
  }
  Describe(text, "berth_worker_restarts_total", "counter", "Workers replaced, by reason.");
  for (const auto& [reason, count] : restarts) {
    Line(text, "berth_worker_restarts_total{{reason=\"{}\"}} {}", reason, count);
  }
  Describe(text, "berth_received_bytes_total", "counter", "Bytes of requests' bodies.");
  Line(text, "berth_received_bytes_total {}", bytes_in);
  Describe(text, "berth_sent_bytes_total", "counter", "Bytes of answers' bodies.");
  Line(text, "berth_sent_bytes_total {}", bytes_out);
  return text;
}

}  // namespace berth::serving
