// NumPy's arrays as the codecs have them, and back. NumPy is imported when the first is needed.
#pragma once

#include <nanobind/nanobind.h>

#include <cstdint>

#include "codec/tensor.h"
#include "core/float_text.h"

namespace berth::python {

/// Throws ImportError where there is no NumPy.
nanobind::handle NumPy();

/// How this NumPy prints numbers.
NumPyText NumPyStyle();

/// An ndarray itself, not one of a subclass, which may turn into other lists and texts.
bool IsArray(nanobind::handle object);

/// Whether `dtype` asks for what a codec makes of itself: None, or whatever numpy.dtype() takes for
/// float64, which is then true in `float64`. NotNativeError for other types.
struct WantedType {
  explicit WantedType(nanobind::handle dtype);
  bool float64 = false;
};

/// The elements of an ndarray, not copied where they stand in C's or Fortran's order. Valid while
/// this lives, which needs the GIL at its begin and end.
class ArrayInput {
 public:
  /// NotNativeError for elements of other types than codec::DType and for too many dimensions.
  explicit ArrayInput(nanobind::handle array);
  ArrayInput(const ArrayInput&) = delete;
  ArrayInput& operator=(const ArrayInput&) = delete;
  ~ArrayInput();

  const codec::TensorView& view() const { return view_; }
  uint64_t bytes() const { return static_cast<uint64_t>(buffer_.len); }

 private:
  Py_buffer buffer_{};
  codec::TensorView view_;
};

/// A new ndarray that owns its memory, as large as a codec asks for.
class ArrayOutput {
 public:
  /// For the codec. Takes the GIL for the moment; where NumPy fails it gives nullptr and leaves
  /// Python's exception set. This must outlive it.
  codec::Allocate allocate();
  nanobind::object Take() { return std::move(array_); }

 private:
  char* Make(const codec::TensorInfo& info);
  nanobind::object array_;
};

/// A copy.
nanobind::object ArrayOf(const codec::TensorView& view);

}  // namespace berth::python
