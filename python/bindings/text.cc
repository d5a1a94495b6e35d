#include "text.h"

#include <cstring>

#include "errors.h"

namespace berth::python {

namespace nb = nanobind;

namespace {

/// A new reference, or the exception that Python set in place of it.
template <typename T>
T Owned(PyObject* made) {
  if (made == nullptr) throw nb::python_error();
  return nb::steal<T>(made);
}

nb::object IntegerOf(const json::Integer& integer) {
  return Owned<nb::object>(PyLong_FromString(integer.digits.c_str(), nullptr, 10));
}

nb::object ListOf(const json::Array& array) {
  nb::list list;
  for (const json::Value& value : array) list.append(ObjectOf(value));
  return list;
}

nb::object DictOf(const json::Object& object) {
  nb::dict dict;
  for (const auto& [name, value] : object) dict[StrOf(name)] = ObjectOf(value);
  return dict;
}

}  // namespace

Input::Input(nb::handle data) {
  if (PyUnicode_Check(data.ptr())) {
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(data.ptr(), &size);
    if (text == nullptr) {
      if (PyErr_ExceptionMatches(PyExc_UnicodeEncodeError) == 0) throw nb::python_error();
      PyErr_Clear();
      throw NotNativeError("a text with lone surrogates");
    }
    text_ = {text, static_cast<size_t>(size)};
    return;
  }
  if (PyObject_CheckBuffer(data.ptr()) == 0) {
    const std::string message =
        std::string("expected str or bytes-like data, not ") + Py_TYPE(data.ptr())->tp_name;
    throw nb::type_error(message.c_str());
  }
  if (PyObject_GetBuffer(data.ptr(), &buffer_, PyBUF_SIMPLE) != 0) throw nb::python_error();
  text_ = {static_cast<const char*>(buffer_.buf), static_cast<size_t>(buffer_.len)};
}

Input::~Input() {
  if (buffer_.obj != nullptr) PyBuffer_Release(&buffer_);
}

nb::str AsciiStr(std::string_view text) {
  auto made = Owned<nb::str>(PyUnicode_New(static_cast<Py_ssize_t>(text.size()), 127));
  if (!text.empty()) std::memcpy(PyUnicode_DATA(made.ptr()), text.data(), text.size());
  return made;
}

nb::str StrOf(std::string_view wtf8) {
  return Owned<nb::str>(
      PyUnicode_DecodeUTF8(wtf8.data(), static_cast<Py_ssize_t>(wtf8.size()), "surrogatepass"));
}

std::string SystemBytes(nb::handle text) {
  PyObject* bytes = nullptr;
  if (PyUnicode_FSConverter(text.ptr(), static_cast<void*>(&bytes)) == 0) throw nb::python_error();
  const auto owner = nb::steal<nb::bytes>(bytes);
  return {owner.c_str(), owner.size()};
}

nb::str SystemStr(std::string_view bytes) {
  return Owned<nb::str>(
      PyUnicode_DecodeFSDefaultAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
}

nb::object ObjectOf(const json::Value& value) {
  if (const bool* boolean = value.AsBool()) return nb::bool_(*boolean);
  if (const json::Integer* integer = value.AsInteger()) return IntegerOf(*integer);
  if (const double* number = value.AsFloat()) return nb::float_(*number);
  if (const std::string* text = value.AsString()) return StrOf(*text);
  if (const json::Array* array = value.AsArray()) return ListOf(*array);
  if (const json::Object* object = value.AsObject()) return DictOf(*object);
  return nb::none();
}

}  // namespace berth::python
