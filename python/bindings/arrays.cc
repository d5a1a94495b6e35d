#include "arrays.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#include "errors.h"
#include "text.h"

namespace berth::python {

namespace nb = nanobind;

using codec::DType;
using codec::TensorInfo;
using codec::TensorView;

namespace {

constexpr std::array<const char*, 13> kTypeNames = {
    "",       "bool",  "int8",   "uint8",   "int16",   "uint16", "int32",
    "uint32", "int64", "uint64", "float16", "float32", "float64"};

/// What is looked up in NumPy once. Never destroyed: the interpreter is gone before statics are.
struct Module {
  nb::object numpy;
  nb::object empty;
  PyTypeObject* array_type;
  std::array<nb::object, kTypeNames.size()> types;
  NumPyText style;
};

NumPyText StyleOf(const nb::object& numpy) {
  const std::string version = nb::cast<nb::str>(numpy.attr("__version__")).c_str();
  int major = 0;
  int minor = 0;
  if (std::sscanf(version.c_str(), "%d.%d", &major, &minor) != 2) return NumPyText::kSince23;
  return major > 2 || (major == 2 && minor >= 3) ? NumPyText::kSince23 : NumPyText::kUntil22;
}

const Module& TheModule() {
  static const Module* module = nullptr;  // set once, with the GIL held
  if (module != nullptr) return *module;
  const nb::object numpy = nb::module_::import_("numpy");
  auto* made = new Module{.numpy = numpy,
                          .empty = numpy.attr("empty"),
                          .array_type = reinterpret_cast<PyTypeObject*>(
                              nb::object(numpy.attr("ndarray")).release().ptr()),
                          .types = {},
                          .style = StyleOf(numpy)};
  for (size_t i = 1; i < kTypeNames.size(); ++i) {
    made->types[i] = numpy.attr("dtype")(kTypeNames[i]);
  }
  module = made;
  return *module;
}

/// Of a buffer's element, as the struct module writes it: 'l' and 'q' tell no size.
DType TypeOf(std::string_view format, Py_ssize_t size) {
  if (!format.empty() && std::string_view("@=<").find(format.front()) != std::string_view::npos) {
    format.remove_prefix(1);
  }
  if (format.size() != 1) return DType::kNone;
  const char kind = format.front();
  if (kind == '?') return DType::kBool;
  if (kind == 'e') return DType::kFloat16;
  if (kind == 'f') return DType::kFloat32;
  if (kind == 'd') return DType::kFloat64;
  const bool with_sign = std::string_view("bhilq").find(kind) != std::string_view::npos;
  if (!with_sign && std::string_view("BHILQ").find(kind) == std::string_view::npos) {
    return DType::kNone;
  }
  switch (size) {
    case 1:
      return with_sign ? DType::kInt8 : DType::kUInt8;
    case 2:
      return with_sign ? DType::kInt16 : DType::kUInt16;
    case 4:
      return with_sign ? DType::kInt32 : DType::kUInt32;
    default:
      return with_sign ? DType::kInt64 : DType::kUInt64;
  }
}

nb::object ShapeOf(const TensorInfo& info) {
  nb::object shape = nb::steal(PyTuple_New(info.dimensions));
  if (!shape) return shape;
  for (size_t i = 0; i < info.dimensions; ++i) {
    PyObject* length = PyLong_FromLongLong(info.shape[i]);
    if (length == nullptr) return {};
    PyTuple_SET_ITEM(shape.ptr(), static_cast<Py_ssize_t>(i), length);
  }
  return shape;
}

}  // namespace

nb::handle NumPy() {
  return TheModule().numpy;
}

NumPyText NumPyStyle() {
  return TheModule().style;
}

bool IsArray(nb::handle object) {
  return Py_TYPE(object.ptr()) == TheModule().array_type;
}

WantedType::WantedType(nb::handle dtype) {
  if (dtype.is_none()) return;
  const nb::object wanted = NumPy().attr("dtype")(dtype);
  float64 = wanted.equal(TheModule().types[static_cast<size_t>(DType::kFloat64)]);
  if (!float64) throw NotNativeError("another dtype than float64 is asked for");
}

ArrayInput::ArrayInput(nb::handle array) {
  if (PyObject_GetBuffer(array.ptr(), &buffer_, PyBUF_FORMAT | PyBUF_STRIDES) != 0) {
    PyErr_Clear();  // NumPy exports no buffer of dates and the like
    throw NotNativeError("elements of a type that is no number");
  }
  TensorInfo& info = view_.info;
  info.dtype = TypeOf(buffer_.format, buffer_.itemsize);
  const bool fits = info.dtype != DType::kNone &&
                    codec::SizeOf(info.dtype) == static_cast<size_t>(buffer_.itemsize) &&
                    buffer_.ndim <= static_cast<int>(codec::kMaxDimensions);
  if (fits && PyBuffer_IsContiguous(&buffer_, 'A') == 0) {
    PyBuffer_Release(&buffer_);
    // Without gaps, in C's order; the buffer keeps the copy alive.
    const nb::object copy = NumPy().attr("ascontiguousarray")(array);
    if (PyObject_GetBuffer(copy.ptr(), &buffer_, PyBUF_FORMAT | PyBUF_STRIDES) != 0) {
      throw nb::python_error();
    }
  }
  if (!fits) {
    PyBuffer_Release(&buffer_);
    throw NotNativeError("elements that are no plain numbers, or too many dimensions");
  }
  info.dimensions = static_cast<uint8_t>(buffer_.ndim);
  for (int i = 0; i < buffer_.ndim; ++i) {
    info.shape[static_cast<size_t>(i)] = buffer_.shape[i];
  }
  info.fortran = PyBuffer_IsContiguous(&buffer_, 'C') == 0;
  view_.data = static_cast<const char*>(buffer_.buf);
}

ArrayInput::~ArrayInput() {
  PyBuffer_Release(&buffer_);
}

codec::Allocate ArrayOutput::allocate() {
  return [this](const TensorInfo& info, uint64_t) {
    const nb::gil_scoped_acquire gil;
    return Make(info);
  };
}

char* ArrayOutput::Make(const TensorInfo& info) {
  // The C API, not nanobind's: an exception would have to pass through the codec.
  const Module& module = TheModule();
  const nb::object shape = ShapeOf(info);
  if (!shape) return nullptr;
  const nb::object order = nb::steal(PyUnicode_FromString(info.fortran ? "F" : "C"));
  if (!order) return nullptr;
  array_ = nb::steal(PyObject_CallFunctionObjArgs(
      module.empty.ptr(), shape.ptr(), module.types[static_cast<size_t>(info.dtype)].ptr(),
      order.ptr(), nullptr));
  if (!array_) return nullptr;
  Py_buffer buffer;
  if (PyObject_GetBuffer(array_.ptr(), &buffer, PyBUF_STRIDES | PyBUF_WRITABLE) != 0) {
    return nullptr;
  }
  char* data = static_cast<char*>(buffer.buf);
  PyBuffer_Release(&buffer);  // the array is nobody else's: it stays where it is
  return data;
}

nb::object ArrayOf(const TensorView& view) {
  ArrayOutput output;
  uint64_t bytes = 0;
  NumPy();
  char* data = Unwrap(codec::AllocateFor(output.allocate(), view.info, bytes));
  {
    const WithoutGil unlocked(bytes);
    if (bytes != 0) std::memcpy(data, view.data, bytes);
  }
  return output.Take();
}

}  // namespace berth::python
