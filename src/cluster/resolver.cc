#include "cluster/resolver.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "core/descriptor.h"

namespace berth::cluster {

/// What the thread and the Resolver share.
struct Resolver::Question {
  Descriptor answered;  // an eventfd
  std::mutex mutex;
  std::optional<Result<std::vector<SocketAddress>>> answer;
};

Result<std::vector<SocketAddress>> LookUp(const std::string& host, uint16_t port) {
  return ResolveAddresses(host, port);
}

Resolver::~Resolver() {
  if (question_) loop_.Forget(question_->answered.get());
}

Result<void> Resolver::Start(const std::string& host, uint16_t port, Answer answer) {
  auto question = std::make_shared<Question>();
  question->answered = Descriptor(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!question->answered) return FailErrno("cannot look up a host name");
  const auto look = [question, lookup = lookup_, host, port] {
    auto found = lookup(host, port);
    const std::lock_guard lock(question->mutex);
    question->answer = std::move(found);
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = ::write(question->answered.get(), &one, sizeof one);
  };
  BERTH_TRY(loop_.Watch(question->answered.get(), EPOLLIN, [this](uint32_t) { OnAnswer(); }));
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  Result<void> started;
  try {
    std::thread(look).detach();
  } catch (const std::system_error& error) {
    started = Fail(Error::System(error.code().value(), "cannot start a thread to look up a name"));
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!started) {
    loop_.Forget(question->answered.get());
    return started;
  }
  question_ = std::move(question);
  answer_ = std::move(answer);
  return {};
}

void Resolver::OnAnswer() {
  const std::shared_ptr<Question> question = std::exchange(question_, nullptr);
  loop_.Forget(question->answered.get());
  const Answer answer = std::exchange(answer_, nullptr);
  Result<std::vector<SocketAddress>> found = [&] {
    const std::lock_guard lock(question->mutex);
    return *std::move(question->answer);
  }();
  answer(std::move(found));  // last: it may destroy us
}

}  // namespace berth::cluster
