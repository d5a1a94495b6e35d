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
#include "platform/hosts.h"
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

/// A channel, for all hosts that get it.
class PipeSource {
 public:
  PipeSource(Channel channel, size_t index, std::shared_ptr<DataStore> store,
             std::shared_ptr<FirstFailure> failure)
      : channel_(std::move(channel)),
        index_(index),
        store_(std::move(store)),
        failure_(std::move(failure)) {}

  /// Looks it up, once. Null after a failure.
  const ChannelData* Data() {
    std::call_once(resolved_, [this] {
      auto data = Resolve(channel_, *store_);
      if (!data) return Fail(data.error());
      data_ = *std::move(data);
    });
    return data_ ? &*data_ : nullptr;
  }

  void Fail(const Error& error) {
    failure_->Set(
        error.Within(fmt::format("ClientError: Data download failed: "
                                 "InputDataConfig[{}] (channel \"{}\")",
                                 index_, channel_.name)));
  }

  const Channel& channel() const { return channel_; }
  DataStore& store() { return *store_; }

 private:
  const Channel channel_;
  const size_t index_;
  const std::shared_ptr<DataStore> store_;
  const std::shared_ptr<FirstFailure> failure_;
  std::once_flag resolved_;
  std::optional<ChannelData> data_;
};

/// A channel on one host.
class PipeChannel {
 public:
  PipeChannel(std::shared_ptr<PipeSource> source, Share share, fs::path tree)
      : source_(std::move(source)), share_(share), tree_(std::move(tree)) {}

  /// Never returns but after a failure.
  void Serve() {
    const ChannelData* const data = source_->Data();
    if (data == nullptr) return;
    std::thread before;
    const auto give_up = [&](const Error& error) {
      if (before.joinable()) before.detach();
      source_->Fail(error);
    };
    for (uint64_t epoch = 0;; ++epoch) {
      const fs::path fifo = FifoOf(tree_, source_->channel().name, epoch);
      // Waits for a reader, for as long as that takes: we are killed with the job.
      Descriptor writer(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
      if (!writer) {
        if (errno == EINTR) {
          --epoch;
          continue;
        }
        return give_up(Error::System(errno, fmt::format("cannot open \"{}\"", fifo.string())));
      }
      std::thread now([this, data, epoch, fifo, held = std::move(writer)]() mutable {
        StreamEpoch(*data, epoch, fifo, std::move(held));
      });
      if (before.joinable()) before.join();
      before = std::move(now);
      if (auto made = MakeChannelFifo(tree_, source_->channel().name, epoch + 1); !made) {
        return give_up(made.error());
      }
    }
  }

 private:
  void StreamEpoch(const ChannelData& data, uint64_t epoch, const fs::path& fifo,
                   Descriptor writer) {
    const Channel& channel = source_->channel();
    const std::vector<size_t> order = OrderOf(data.size(), channel.seed, epoch, share_);
    if (auto streamed = StreamChannel(channel, data, order, source_->store(), writer.get());
        !streamed) {
      if (streamed.error().system_error() != EPIPE) {
        [[maybe_unused]] const int kept_open = writer.Release();
        return source_->Fail(streamed.error());
      }
      log::Debug("local", "the reader of \"{}\" left early", fifo.string());
    }
    ::unlink(fifo.c_str());
  }

  const std::shared_ptr<PipeSource> source_;
  const Share share_;
  const fs::path tree_;
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
    const auto source = std::make_shared<PipeSource>(job.channels[i], i, store, failure);
    for (const size_t host : HostsWith(job.channels[i], job)) {
      auto channel = std::make_shared<PipeChannel>(source, *ShareOf(job.channels[i], job, host),
                                                   options.trees[host]);
      std::thread([channel = std::move(channel)] {
        channel->Serve();
        // An epoch may still be under way, with what the channel owns.
        for (;;) ::pause();
      }).detach();
    }
  }
  return Fail(failure->Wait());
}

}  // namespace berth::platform
