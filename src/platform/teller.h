// The job's story, told while it happens: in job.json and in our log.
#pragma once

#include <string>
#include <string_view>

#include "platform/job_record.h"

namespace berth::platform {

class Teller {
 public:
  /// Both must outlive it.
  Teller(JobRecord& record, const std::string& name) : record_(record), name_(name) {}

  void Enter(Status status, std::string_view message);
  void Save();

  JobRecord& record() { return record_; }
  /// False once job.json could not be written.
  bool complete() const { return complete_; }

 private:
  JobRecord& record_;
  const std::string& name_;
  bool complete_ = true;
};

}  // namespace berth::platform
