#include "ranks/rank_host.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/descriptor.h"
#include "core/log.h"
#include "process/output_pump.h"
#include "process/tail.h"
#include "ranks/message.h"
#include "ranks/outlet.h"
#include "ranks/rank_stream.h"
#include "ranks/socket.h"
#include "ranks/stacks.h"

namespace berth::ranks {
namespace {

/// One read of one stream.
constexpr size_t kScratch = size_t{64} << 10;
/// `berth rank` says who it is at once; whoever does not is none.
constexpr std::chrono::seconds kHelloDeadline{10};
/// After stacks were asked for, no `berth rank` ends earlier than this: a launcher that sees one
/// end ends the others, here and on other hosts, which may be about to write theirs.
constexpr std::chrono::milliseconds kStacksHold{1'000};
static_assert(kStacksHold < kLongestHold);
/// No descriptor was left for another rank: looked at again when some may have been closed.
constexpr std::chrono::milliseconds kAcceptAgain{200};

/// The program as a file in memory, which nobody can change. It may be larger than a packet.
Result<Descriptor> ProgramFile(const RankProgram& program) {
  const std::string bytes = Encode(program);
  if (bytes.size() > kLargestProgram) {
    return Fail(fmt::format("arguments and variables of {} bytes are more than a process can have",
                            bytes.size()));
  }
  Descriptor file(::memfd_create("berth-rank", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return FailErrno("cannot make a file in memory");
  BERTH_TRY(WriteAll(file.get(), bytes.data(), bytes.size()));
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) !=
      0) {
    return FailErrno("cannot seal a file in memory");
  }
  return file;
}

/// One `berth rank`, from its connection until its pipes are closed.
struct Rank {
  explicit Rank(size_t tail_bytes) : output_tail(tail_bytes), error_tail(tail_bytes) {}

  Descriptor socket;  // empty once it has ended
  pid_t wrapper = 0;
  EventLoop::Timer hello_deadline = 0;
  std::optional<Hello> hello;  // it was told what to run
  pid_t pid = -1;
  bool group = false;  // `pid` leads a process group that we see
  process::Tail output_tail;
  process::Tail error_tail;
  std::optional<EventLoop::Clock::time_point> last_error_output;
  std::optional<RankStream> output;
  std::optional<RankStream> error;

  bool running() const { return hello && socket; }
  bool gone() const {
    return !socket && (!output || output->closed()) && (!error || error->closed());
  }
};

}  // namespace

class RankHost::Impl {
 public:
  Impl(EventLoop& loop, RankHostOptions options, RankHostEvents events)
      : loop_(loop), options_(std::move(options)), events_(std::move(events)), scratch_(kScratch) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  [[nodiscard]] Result<void> Open();
  void Signal(int signal);
  void DumpStacks();
  size_t running() const;
  bool idle() const;
  bool blocked() const;
  bool output_lost() const;
  void Abandon();

 private:
  using Ranks = std::map<uint64_t, Rank>;

  /// Where streams go, and which of them wait for it, the first first.
  struct Place {
    std::optional<Outlet> outlet;
    std::deque<RankStream*> waiting;
  };

  void MakePlace(Place& place, int fd);
  void Free(Place& place);

  [[nodiscard]] Result<void> Listen();
  void Accept();
  void Add(Descriptor socket, pid_t wrapper);
  void Sweep();
  void Read(uint64_t id, Rank& rank);
  void Handle(Rank& rank, const Hello& hello);
  void Handle(Rank& rank, const Started& started);
  void Handle(Rank& rank, const Ended& ended);
  [[nodiscard]] Result<void> Tell(Rank& rank, const Hello& hello);
  [[nodiscard]] Result<Descriptor> MakeStream(std::optional<RankStream>& stream, Place& place,
                                              process::Tail& tail, const Hello& hello,
                                              std::optional<EventLoop::Clock::time_point>* wrote);
  void Lost(uint64_t id, Rank& rank);
  void Finish(Rank& rank, RankEnd end);

  EventLoop& loop_;
  const RankHostOptions options_;
  RankHostEvents events_;
  std::vector<char> scratch_;
  Descriptor program_;
  Descriptor listener_;
  EventLoop::Timer accept_again_ = 0;
  /// Until it is over, connections of ranks that have ended are kept in held_.
  EventLoop::Timer hold_ = 0;
  std::vector<Descriptor> held_;
  Place output_;  // empty where both are one
  Place error_;
  Ranks ranks_;
  uint64_t last_ = 0;
};

Result<void> RankHost::Impl::Open() {
  BERTH_ASSIGN(program_, ProgramFile(options_.program));
  if (!process::SameFile(options_.output_fd, options_.error_fd)) {
    MakePlace(output_, options_.output_fd);
  }
  MakePlace(error_, options_.error_fd);
  BERTH_ASSIGN(listener_, ListenAt(options_.socket_name));
  return Listen();
}

RankHost::Impl::~Impl() {
  events_ = {};
  loop_.Cancel(accept_again_);
  loop_.Cancel(hold_);
  if (listener_) loop_.Forget(listener_.get());
  for (auto& [id, rank] : ranks_) {
    if (rank.socket) loop_.Forget(rank.socket.get());
    loop_.Cancel(rank.hello_deadline);
    for (auto* stream : {&rank.output, &rank.error}) {
      if (*stream) (*stream)->Complete();
    }
  }
  for (Place* place : {&output_, &error_}) {
    if (place->outlet) place->outlet->Flush();
  }
  ranks_.clear();  // before the outlets
}

// --- output -----------------------------------------------------------------------------------

void RankHost::Impl::MakePlace(Place& place, int fd) {
  place.outlet.emplace(loop_, fd, [this, &place] { Free(place); });
}

void RankHost::Impl::Free(Place& place) {
  while (!place.waiting.empty()) {
    if (!place.waiting.front()->Resume()) return;
    place.waiting.pop_front();
  }
  place.outlet->Flush();
}

bool RankHost::Impl::blocked() const {
  return (output_.outlet && output_.outlet->blocked()) ||
         (error_.outlet && error_.outlet->blocked());
}

bool RankHost::Impl::output_lost() const {
  return (output_.outlet && output_.outlet->lost()) || (error_.outlet && error_.outlet->lost());
}

void RankHost::Impl::Abandon() {
  for (Place* place : {&output_, &error_}) {
    if (!place->outlet) continue;
    place->outlet->Abandon();
    Free(*place);
  }
}

// --- ranks that come --------------------------------------------------------------------------

Result<void> RankHost::Impl::Listen() {
  return loop_.Watch(listener_.get(), EPOLLIN, [this](uint32_t) { Accept(); });
}

void RankHost::Impl::Accept() {
  Sweep();
  for (;;) {
    Descriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      const std::optional<pid_t> wrapper = PeerOfOurUser(socket.get());
      if (wrapper) Add(std::move(socket), *wrapper);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) return;
    log::Warning("ranks", "a rank has to wait: {}",
                 Error::System(errno, "cannot accept its connection").message());
    loop_.Forget(listener_.get());
    accept_again_ = loop_.After(kAcceptAgain, [this] {
      if (Listen()) Accept();
    });
    return;
  }
}

void RankHost::Impl::Add(Descriptor socket, pid_t wrapper) {
  if (ranks_.size() >= kMostRanks) {
    SendPacket(socket.get(), EncodeRefusal(fmt::format("there are {} ranks already", kMostRanks)));
    return;
  }
  const uint64_t id = ++last_;
  const int fd = socket.get();
  Rank& rank = ranks_.try_emplace(id, options_.tail_bytes).first->second;
  rank.socket = std::move(socket);
  rank.wrapper = wrapper;
  rank.hello_deadline = loop_.After(kHelloDeadline, [this, id, &rank] { Lost(id, rank); });
  if (!loop_.Watch(fd, EPOLLIN, [this, id, &rank](uint32_t) { Read(id, rank); })) {
    loop_.Cancel(rank.hello_deadline);
    ranks_.erase(id);
  }
}

void RankHost::Impl::Sweep() {
  std::erase_if(ranks_, [](const auto& each) { return each.second.gone(); });
}

void RankHost::Impl::Read(uint64_t id, Rank& rank) {
  // What is read is used before anything else reads.
  const auto packet = ReceivePacket(rank.socket.get(), scratch_);
  if (!packet && packet.error().system_error() == EAGAIN) return;
  if (!packet || packet->bytes.empty()) return Lost(id, rank);
  const auto message = ParseMessage(packet->bytes);
  if (!message) {
    log::Warning("ranks", "process {} sent {}", rank.wrapper, message.error().message());
    return Lost(id, rank);
  }
  std::visit([&](const auto& said) { Handle(rank, said); }, *message);
}

void RankHost::Impl::Handle(Rank& rank, const Hello& hello) {
  if (rank.hello) return;
  loop_.Cancel(rank.hello_deadline);
  const auto told = Tell(rank, hello);
  if (!told) SendPacket(rank.socket.get(), EncodeRefusal(told.error().message()));
}

Result<void> RankHost::Impl::Tell(Rank& rank, const Hello& hello) {
  Descriptor output;
  BERTH_ASSIGN(const Descriptor error,
               MakeStream(rank.error, error_, rank.error_tail, hello, &rank.last_error_output));
  if (output_.outlet) {
    BERTH_ASSIGN(output, MakeStream(rank.output, output_, rank.output_tail, hello, nullptr));
  }
  const std::array files = {program_.get(), output ? output.get() : error.get(), error.get()};
  if (!SendPacket(rank.socket.get(), EncodeRun(), files)) {
    return FailErrno("cannot tell a rank what to run");
  }
  rank.hello = hello;
  return {};
}

Result<Descriptor> RankHost::Impl::MakeStream(std::optional<RankStream>& stream, Place& place,
                                              process::Tail& tail, const Hello& hello,
                                              std::optional<EventLoop::Clock::time_point>* wrote) {
  BERTH_ASSIGN(Pipe pipe, process::MakeOutputPipe(kRankPipe));
  RankStream::Spec spec;
  spec.source = std::move(pipe.read);
  spec.outlet = &*place.outlet;
  if (options_.several || hello.world > 1) {
    spec.prefix = fmt::format("[{}, {}] ", hello.rank, options_.host);
  }
  spec.tail = &tail;
  spec.observer = [this, number = hello.rank, wrote](std::string_view bytes) {
    if (wrote != nullptr) *wrote = EventLoop::Clock::now();
    if (events_.output) events_.output(number, bytes);
  };
  spec.waits = [&place](RankStream* waiting) { place.waiting.push_back(waiting); };
  spec.scratch = scratch_;
  stream.emplace(loop_, std::move(spec));
  BERTH_TRY(stream->Listen());
  return std::move(pipe.write);
}

void RankHost::Impl::Handle(Rank& rank, const Started& started) {
  if (!rank.hello || rank.pid > 0) return;
  rank.pid = started.pid;
  rank.group = ::getpgid(started.pid) == started.pid;
  if (events_.started) events_.started(rank.hello->rank);
}

// --- ranks that end ---------------------------------------------------------------------------

void RankHost::Impl::Handle(Rank& rank, const Ended& ended) {
  if (!rank.hello) return;
  RankEnd end;
  end.exit_code = ended.exit_code;
  end.signal = ended.signal;
  end.out_of_memory = ended.out_of_memory;
  end.reported = ended.reported;
  end.start_error = ended.start_error;
  end.forsaken_by = ended.forsaken_by;
  Finish(rank, std::move(end));
}

void RankHost::Impl::Lost(uint64_t id, Rank& rank) {
  if (rank.hello) {
    // The `berth rank` was killed. Its child dies with it; here its group does.
    if (rank.group) ::kill(-rank.pid, SIGKILL);
    RankEnd end;
    end.signal = SIGKILL;
    end.wrapper_killed = true;
    Finish(rank, std::move(end));
    return;
  }
  loop_.Cancel(rank.hello_deadline);
  loop_.Forget(rank.socket.get());
  rank.socket.Close();
  for (Place* place : {&output_, &error_}) {
    std::erase_if(place->waiting, [&](const RankStream* stream) {
      return (rank.output && stream == &*rank.output) || (rank.error && stream == &*rank.error);
    });
  }
  ranks_.erase(id);
}

void RankHost::Impl::Finish(Rank& rank, RankEnd end) {
  end.at = EventLoop::Clock::now();
  end.rank = rank.hello->rank;
  end.local_rank = rank.hello->local_rank;
  end.pid = rank.pid;
  loop_.Forget(rank.socket.get());
  // Its `berth rank` ends with the connection.
  if (hold_ != 0) held_.push_back(std::move(rank.socket));
  rank.socket.Close();
  for (auto* stream : {&rank.output, &rank.error}) {
    if (*stream) (*stream)->Complete();
  }
  for (Place* place : {&output_, &error_}) {
    if (place->outlet) place->outlet->Flush();
  }
  end.last_error_output = std::min(rank.last_error_output.value_or(end.at), end.at);
  end.output_tail = rank.output_tail.Text();
  end.error_tail = rank.error_tail.Text();
  if (events_.ended) events_.ended(end);
}

void RankHost::Impl::Signal(int signal) {
  for (const auto& [id, rank] : ranks_) {
    if (!rank.running()) continue;
    // Before its rank has started, and where we do not see that one's group, its wrapper ends with
    // it or passes the signal on.
    if (rank.group) {
      ::kill(-rank.pid, signal);
    } else if (rank.wrapper > 1) {
      ::kill(rank.wrapper, signal);
    }
  }
}

void RankHost::Impl::DumpStacks() {
  std::vector<pid_t> groups;
  for (const auto& [id, rank] : ranks_) {
    if (rank.running() && rank.group) groups.push_back(rank.pid);
  }
  if (hold_ == 0) {
    hold_ = loop_.After(kStacksHold, [this] {
      hold_ = 0;
      held_.clear();
    });
  }
  AbortWithStacks(groups);
}

size_t RankHost::Impl::running() const {
  size_t count = 0;
  for (const auto& [id, rank] : ranks_) count += rank.running() ? 1 : 0;
  return count;
}

bool RankHost::Impl::idle() const {
  if (blocked()) return false;
  for (const auto& [id, rank] : ranks_) {
    if (rank.running()) return false;
    for (const auto* stream : {&rank.output, &rank.error}) {
      if (*stream && !(*stream)->idle()) return false;
    }
  }
  return true;
}

// --- the interface ----------------------------------------------------------------------------

RankHost::RankHost(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RankHost::~RankHost() = default;

Result<std::unique_ptr<RankHost>> RankHost::Open(EventLoop& loop, RankHostOptions options,
                                                 RankHostEvents events) {
  auto impl = std::make_unique<Impl>(loop, std::move(options), std::move(events));
  BERTH_TRY(impl->Open());
  return std::unique_ptr<RankHost>(new RankHost(std::move(impl)));
}

void RankHost::Signal(int signal) {
  impl_->Signal(signal);
}
void RankHost::DumpStacks() {
  impl_->DumpStacks();
}
size_t RankHost::running() const {
  return impl_->running();
}
bool RankHost::idle() const {
  return impl_->idle();
}
bool RankHost::blocked() const {
  return impl_->blocked();
}
bool RankHost::output_lost() const {
  return impl_->output_lost();
}
void RankHost::Abandon() {
  impl_->Abandon();
}

}  // namespace berth::ranks
