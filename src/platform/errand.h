// Work of the platform beside the job, in a process of its own: transfers, streams, checkpoints.
//
// A process and not a thread, for two reasons. Its end is certain, whatever S3 or a reader of a
// FIFO does: it can be killed. And we fork containers, which only a process of one thread may.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/descriptor.h"
#include "core/error.h"
#include "storage/cancellation.h"

namespace berth::platform {

/// What the work has of us. From any of its threads.
class Superior {
 public:
  Superior(int socket, const storage::Cancellation& cancel, const storage::Cancellation& finish)
      : socket_(socket), cancel_(cancel), finish_(finish) {}

  /// Cancelled when the work shall end at once.
  const storage::Cancellation& cancel() const { return cancel_; }
  /// Cancelled when work without an end of its own shall come to one.
  const storage::Cancellation& finish() const { return finish_; }

  /// Says that the work's beginning is done, for work that goes on until it shall finish.
  void Ready(std::string_view text) const;

  /// Says how far it is. Dropped where we are slow to listen: the next one says more.
  void Tell(std::string_view text) const;

 private:
  int socket_;
  const storage::Cancellation& cancel_;
  const storage::Cancellation& finish_;
};

class Errand {
 public:
  /// Returns what there is to say at the end.
  using Work = std::function<Result<std::string>(const Superior&)>;

  /// Starts the work in a fork of this process, which must have one thread only. What this
  /// process has open is closed there, save stdin, stdout and stderr, and `kept` (may be -1). It
  /// dies with us; after the end of its work it stays, with what it has opened, for as long as
  /// this.
  [[nodiscard]] static Result<Errand> Start(const Work& work, int kept = -1);

  Errand(Errand&& other) noexcept;
  Errand& operator=(Errand&&) = delete;
  /// Kills it where it still runs, and waits for it.
  ~Errand();

  /// Readable when there is news.
  int events() const { return socket_.get(); }

  struct News {
    enum class Kind { kProgress, kReady, kDone, kFailed };
    Kind kind = Kind::kFailed;
    std::string text{};  // a failure's is one sentence
  };
  /// Blocks for the next news. After kDone and kFailed there is none.
  News Read();

  void Cancel();
  void Finish();

 private:
  Errand() = default;
  void Order(char order);

  Descriptor socket_;
  pid_t pid_ = -1;
};

}  // namespace berth::platform
