#include "platform/run_in_child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "core/descriptor.h"

namespace berth::platform {
namespace {

constexpr size_t kMaxError = 8192;

}  // namespace

Result<void> RunInChild(const std::function<Result<void>()>& work) {
  BERTH_ASSIGN(Pipe pipe, MakePipe());
  const pid_t child = ::fork();
  if (child < 0) return FailErrno("cannot start a process");
  if (child == 0) {
    const auto done = work();
    const std::string why = done ? "" : done.error().message().substr(0, kMaxError);
    [[maybe_unused]] const auto told = WriteAll(pipe.write.get(), why.data(), why.size());
    ::_exit(done ? 0 : 1);
  }
  pipe.write.Close();
  std::string why(kMaxError, '\0');
  size_t size = 0;
  while (size < why.size()) {
    const ssize_t n = ::read(pipe.read.get(), why.data() + size, why.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    size += static_cast<size_t>(n);
  }
  why.resize(size);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status == 0) return {};
  return Fail(why.empty() ? "the process that tried it was killed" : why);
}

}  // namespace berth::platform
