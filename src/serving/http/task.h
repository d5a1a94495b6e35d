// A coroutine that is awaited by another one, or is the outermost of its connection.
#pragma once

#include <coroutine>
#include <cstdlib>
#include <exception>
#include <utility>

namespace berth::serving::http {

/// Begins when it is awaited (or Start()ed), and then resumes the one that awaits it. Owns its
/// frame: destroying it, at a point where it is suspended, destroys what it holds. Lighter than
/// asio::awaitable, which allocates for each await and takes seconds to compile.
template <typename T>
class [[nodiscard]] Task {
 public:
  struct promise_type {
    std::coroutine_handle<> continuation = std::noop_coroutine();
    T value{};

    Task get_return_object() {
      return Task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    auto final_suspend() noexcept {
      struct Continue {
        bool await_ready() noexcept { return false; }
        std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> self) noexcept {
          return self.promise().continuation;
        }
        void await_resume() noexcept {}
      };
      return Continue{};
    }
    void return_value(T result) { value = std::move(result); }
    // Nothing here throws but for want of memory.
    void unhandled_exception() { std::terminate(); }
  };

  Task() = default;
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  void Start() { handle_.resume(); }
  bool done() const { return handle_ && handle_.done(); }

  bool await_ready() const { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) {
    handle_.promise().continuation = caller;
    return handle_;
  }
  T await_resume() { return std::move(handle_.promise().value); }

 private:
  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace berth::serving::http
