#include "platform/pipes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <memory>
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
  PipeChannel(Channel channel, size_t index, fs::path tree, std::shared_ptr<DataStore> store,
              std::shared_ptr<FirstFailure> failure)
      : channel_(std::move(channel)),
        index_(index),
        tree_(std::move(tree)),
        store_(std::move(store)),
        failure_(std::move(failure)) {}

  /// Never returns but after a failure.
  void Serve() {
    auto data = Resolve(channel_, *store_);
    if (!data) return Fail(data.error());
    data_ = *std::move(data);
    std::thread before;
    const auto give_up = [&](const Error& error) {
      if (before.joinable()) before.detach();
      Fail(error);
    };
    for (uint64_t epoch = 0;; ++epoch) {
      const fs::path fifo = FifoOf(tree_, channel_.name, epoch);
      // Waits for a reader, for as long as that takes: we are killed with the job.
      Descriptor writer(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
      if (!writer) {
        if (errno == EINTR) {
          --epoch;
          continue;
        }
        return give_up(Error::System(errno, fmt::format("cannot open \"{}\"", fifo.string())));
      }
      std::thread now([this, epoch, fifo, held = std::move(writer)]() mutable {
        StreamEpoch(epoch, fifo, std::move(held));
      });
      if (before.joinable()) before.join();
      before = std::move(now);
      if (auto made = MakeChannelFifo(tree_, channel_.name, epoch + 1); !made) {
        return give_up(made.error());
      }
    }
  }

 private:
  void Fail(const Error& error) {
    failure_->Set(
        error.Within(fmt::format("ClientError: Data download failed: "
                                 "InputDataConfig[{}] (channel \"{}\")",
                                 index_, channel_.name)));
  }

  void StreamEpoch(uint64_t epoch, const fs::path& fifo, Descriptor writer) {
    const std::vector<size_t> order = OrderOf(data_.size(), channel_.seed, epoch);
    if (auto streamed = StreamChannel(channel_, data_, order, *store_, writer.get()); !streamed) {
      if (streamed.error().system_error() != EPIPE) {
        [[maybe_unused]] const int kept_open = writer.Release();
        return Fail(streamed.error());
      }
      log::Debug("local", "the reader of \"{}\" left early", fifo.string());
    }
    ::unlink(fifo.c_str());
  }

  const Channel channel_;
  const size_t index_;
  const fs::path tree_;
  const std::shared_ptr<DataStore> store_;
  const std::shared_ptr<FirstFailure> failure_;
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
  // Threads that wait for readers do not end: what they use is theirs.
  const auto store =
      std::make_shared<DataStore>(options.variables, options.working_directory, superior.cancel());
  const auto failure = std::make_shared<FirstFailure>();
  for (size_t i = 0; i < job.channels.size(); ++i) {
    if (job.channels[i].input_mode != "Pipe") continue;
    auto channel = std::make_shared<PipeChannel>(job.channels[i], i, options.tree, store, failure);
    std::thread([channel = std::move(channel)] {
      channel->Serve();
      // An epoch may still be under way, with what the channel owns.
      for (;;) ::pause();
    }).detach();
  }
  return Fail(failure->Wait());
}

}  // namespace berth::platform
