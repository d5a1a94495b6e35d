// The template: a process like a worker, which loads the model and then forks the workers.
//
// They become our children (python/berth_worker/template.py), so that their ends are told to us as
// those of workers that we started. The template's death is nothing to them; a new one is started,
// by the rules for workers, for those that will have to be replaced.
#include <fmt/format.h>
#include <sys/types.h>

#include <algorithm>
#include <utility>

#include "core/log.h"
#include "serving/worker/pool_state.h"

namespace berth::serving::worker {
namespace {

/// A template that has workers to fork and forks none for so long stands still.
constexpr std::chrono::seconds kStandsStill{10};

}  // namespace

bool Pool::HasTemplate() {
  if (!template_) StartTemplate();
  return template_ && template_->state == Worker::State::kReady && !template_->unwell;
}

void Pool::StartTemplate() {
  auto made = std::make_unique<Worker>();
  made->index = kTemplate;
  made->began = made->active = Clock::now();
  WorkerSpec spec = spec_;
  spec.config.Set("template", true);
  auto process = WorkerProcess::Start(loop_, spec, kTemplate, VariablesOf(kTemplate), signals_,
                                      EventsOf(*made));
  if (!process) {
    StartFailed("the template", process.error());
    return;
  }
  made->process = *std::move(process);
  log::Debug("serve", "the template is process {}", made->process->pid());
  if (output_paused_) made->process->PauseOutput(true);
  template_ = std::move(made);
}

void Pool::OnTemplateMessage(Worker& from, const json::Object& message) {
  const json::Value* type = message.Find("type");
  const auto is = [&](const char* name) { return type != nullptr && *type == json::Value(name); };
  from.active = Clock::now();
  if (is("loaded")) {
    from.state = Worker::State::kReady;
    template_failures_ = 0;
    log::Info("serve", "the template has loaded the model in {:.1f} s",
              std::chrono::duration<double>(from.active - from.began).count());
    StartMissing();
    return;
  }
  const auto index = NumberIn(message, "index");
  if (!index) return;
  if (is("forked")) OnForked(*index, NumberIn(message, "pid"), {});
  if (is("fork_failed")) {
    const json::Value* error = message.Find("error");
    OnForked(*index, {}, error && error->AsString() ? *error->AsString() : std::string());
  }
}

void Pool::OnForked(uint32_t index, std::optional<uint32_t> pid, std::string error) {
  const auto found = std::ranges::find_if(workers_, [&](const auto& worker) {
    return IsBeingForked(worker) && worker->index == static_cast<int>(index);
  });
  if (found == workers_.end()) return;  // it is wanted no more, and ends by itself
  if (pid) {
    auto begun = (*found)->process->Begin(static_cast<pid_t>(*pid), (*found)->index);
    if (begun) {
      log::Debug("serve", "worker {} is process {}", index, *pid);
      return;
    }
    error = begun.error().message();
  }
  const std::unique_ptr<Worker> worker = std::move(*found);
  workers_.erase(found);
  worker->stage = "fork";
  worker->failed = std::move(error);
  CountFailure(*worker, 0, false);
  // Not at once: who brought this may be asked again only when it has said all.
  ArmTimer();
}

void Pool::TemplateDied(int status) {
  std::unique_ptr<Worker> gone = std::move(template_);
  // What it forked and told is well; what it did not tell ends by itself.
  gone->process->ReadRest();
  std::erase_if(workers_, IsBeingForked);
  const bool out_of_memory = DiedForMemory(*gone, status);
  if (gone->state != Worker::State::kStopping) CountFailure(*gone, status, out_of_memory);
  gone.reset();
  StartMissing();
  ArmTimer();
  CheckDrained();
}

void Pool::TickTemplate(Clock::time_point now) {
  if (!template_ || template_->overran || template_->unwell) return;
  if (template_->state == Worker::State::kStarting) {
    if (now - template_->began <= settings_.startup_timeout) return;
    template_->overran = true;
  } else if (std::ranges::any_of(workers_, [&](const auto& worker) {
               return IsBeingForked(worker) &&
                      now - std::max(worker->began, template_->active) > kStandsStill;
             })) {
    template_->unwell = true;
    log::Error("serve", "the template is replaced: it stands still");
  } else {
    return;
  }
  template_->process->Kill();
}

bool Pool::NoneIsLeft() {
  if (!workers_.empty()) return false;
  if (template_) {
    // Last, as what it started may be what the workers use. Exit hooks are the workers' to run.
    template_->state = Worker::State::kStopping;
    template_->process->Kill();
  }
  return !template_;
}

}  // namespace berth::serving::worker
