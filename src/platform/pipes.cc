#include "platform/pipes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "contract/layout.h"
#include "core/descriptor.h"
#include "core/log.h"
#include "platform/channel_data.h"
#include "platform/channel_stream.h"
#include "platform/shares.h"

namespace berth::platform {
namespace {

namespace fs = std::filesystem;

fs::path FifoOf(const fs::path& tree, const std::string& channel, uint64_t epoch) {
  return fs::path(contract::Layout::Under(tree.string()).input_data) /
         fmt::format("{}_{}", channel, epoch);
}

/// The first failure of any channel, waited for.
class FirstFailure {
 public:
  void Set(Error error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    changed_.notify_all();
  }
  Error Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return error_.has_value(); });
    return *error_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Error> error_;
};

class PipeChannel {
 public:
  PipeChannel(const Channel& channel, size_t index, const fs::path& tree, DataStore& store,
              FirstFailure& failure)
      : channel_(channel), index_(index), tree_(tree), store_(store), failure_(failure) {}

  /// Never returns but after a failure.
  void Serve() {
    auto data = Resolve(channel_, store_);
    if (!data) return Fail(data.error());
    data_ = *std::move(data);
    std::thread before;
    for (uint64_t epoch = 0;; ++epoch) {
      const fs::path fifo = FifoOf(tree_, channel_.name, epoch);
      // Waits for a reader, for as long as that takes: we are killed with the job.
      Descriptor writer(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
      if (!writer) {
        if (errno == EINTR) {
          --epoch;
          continue;
        }
        return Fail(Error::System(errno, fmt::format("cannot open \"{}\"", fifo.string())));
      }
      std::thread now([this, epoch, fifo, held = std::move(writer)]() mutable {
        StreamEpoch(epoch, fifo, std::move(held));
      });
      if (before.joinable()) before.join();
      before = std::move(now);
      if (auto made = MakeChannelFifo(tree_, channel_.name, epoch + 1); !made) {
        before.detach();
        return Fail(made.error());
      }
    }
  }

 private:
  void Fail(const Error& error) {
    failure_.Set(
        error.Within(fmt::format("ClientError: Data download failed: "
                                 "InputDataConfig[{}] (channel \"{}\")",
                                 index_, channel_.name)));
  }

  void StreamEpoch(uint64_t epoch, const fs::path& fifo, Descriptor writer) {
    const std::vector<size_t> order = OrderOf(data_.size(), channel_.seed, epoch);
    if (auto streamed = StreamChannel(channel_, data_, order, store_, writer.get()); !streamed) {
      if (streamed.error().system_error() != EPIPE) {
        [[maybe_unused]] const int kept_open = writer.Release();
        return Fail(streamed.error());
      }
      log::Debug("local", "the reader of \"{}\" left early", fifo.string());
    }
    ::unlink(fifo.c_str());
  }

  const Channel& channel_;
  const size_t index_;
  const fs::path& tree_;
  DataStore& store_;
  FirstFailure& failure_;
  ChannelData data_;
};

}  // namespace

Result<void> MakeChannelFifo(const fs::path& tree, const std::string& channel, uint64_t epoch) {
  const fs::path fifo = FifoOf(tree, channel, epoch);
  if (::mkfifo(fifo.c_str(), 0666) == 0) return {};
  return FailErrno(fmt::format("cannot make the FIFO \"{}\"", fifo.string()));
}

Result<std::string> StreamPipes(const TrainingJob& job, const PipeOptions& options,
                                const Superior& superior) {
  // These live as long as this process: threads that wait for readers do not end.
  auto* const store =
      new DataStore(options.variables, options.working_directory, superior.cancel());
  auto* const failure = new FirstFailure;
  for (size_t i = 0; i < job.channels.size(); ++i) {
    if (job.channels[i].input_mode != "Pipe") continue;
    auto* const channel = new PipeChannel(job.channels[i], i, options.tree, *store, *failure);
    std::thread([channel] { channel->Serve(); }).detach();
  }
  return Fail(failure->Wait());
}

}  // namespace berth::platform
