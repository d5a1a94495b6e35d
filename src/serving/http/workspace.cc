#include "serving/http/workspace.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace berth::serving::http {

void Workspace::Reserve(size_t size) {
  if (capacity_ - begin >= size) return;
  if (capacity_ >= size) {
    std::memmove(memory_.get(), memory_.get() + begin, end - begin);
  } else {
    auto larger = std::make_unique_for_overwrite<char[]>(size);
    std::memcpy(larger.get(), memory_.get() + begin, end - begin);
    memory_ = std::move(larger);
    capacity_ = size;
  }
  end -= begin;
  begin = 0;
}

std::unique_ptr<Workspace> Workspaces::Take() {
  if (free_.empty()) return std::make_unique<Workspace>();
  auto workspace = std::move(free_.back());
  free_.pop_back();
  return workspace;
}

void Workspaces::GiveBack(std::unique_ptr<Workspace> workspace) {
  if (free_.size() == kKept || !workspace->IsUsual()) return;
  workspace->begin = workspace->end = 0;
  free_.push_back(std::move(workspace));
}

}  // namespace berth::serving::http
