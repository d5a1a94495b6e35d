// Python's texts and bytes as the core has them, and back.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "core/json.h"

namespace berth::python {

/// The bytes of an argument, not copied: UTF-8 of a str, or what a bytes, bytearray or memoryview
/// (contiguous) holds. Valid while this lives, which needs the GIL at its begin and end.
class Input {
 public:
  /// TypeError for anything else; NotNativeError for a str with lone surrogates, which has no
  /// UTF-8.
  explicit Input(nanobind::handle data);
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  ~Input();

  std::string_view text() const { return text_; }

 private:
  Py_buffer buffer_{};
  std::string_view text_;
};

/// A str of text that is ASCII.
nanobind::str AsciiStr(std::string_view text);

/// A str of WTF-8 (core/wtf8.h).
nanobind::str StrOf(std::string_view wtf8);

/// os.fsencode() of a str, bytes or os.PathLike. TypeError for anything else, ValueError where it
/// holds a NUL.
std::string SystemBytes(nanobind::handle text);

/// os.fsdecode().
nanobind::str SystemStr(std::string_view bytes);

/// What json.loads() gives for it.
nanobind::object ObjectOf(const json::Value& value);

/// The GIL is let go while this lives, if so much is to be done that another thread may want it.
/// Taking it back can cost a waiting thread's whole turn (sys.getswitchinterval(), 5 ms), so small
/// inputs keep it.
class WithoutGil {
 public:
  explicit WithoutGil(size_t bytes) {
    if (bytes >= kWorthIt) state_ = PyEval_SaveThread();
  }
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;
  ~WithoutGil() {
    if (state_ != nullptr) PyEval_RestoreThread(state_);
  }

 private:
  static constexpr size_t kWorthIt = size_t{16} << 10;
  PyThreadState* state_ = nullptr;
};

}  // namespace berth::python
